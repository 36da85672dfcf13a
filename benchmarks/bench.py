"""The guide's settings and the kit's on the same reviews, checkpoint and machine: ``make bench``.

The recipes alternate, each run in a process of its own. Writes ``benchmarks/results/latest.json`` with all raw figures, and
prints medians and ratios. Machines are shared and noisy: trust the ratios before the absolute figures.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
TRACKS = ("pytorch", "tensorflow")

CEILING = """
import json, statistics, time, torch
def rate(dtype, size, rounds=5):
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    a @ b
    times = []
    for _ in range(rounds):
        start = time.perf_counter(); a @ b; times.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(times) / 1e9
print(json.dumps({"fp32": rate(torch.float32, 2048), "bf16": rate(torch.bfloat16, 512)}))
"""


def run(*command: str) -> dict:
    """The JSON on the last line that a Python process prints."""
    done = subprocess.run([sys.executable, *command], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[:1])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    name = names[0].split(":")[1].strip() if names else platform.processor()
    return {"processor": name, "cores": os.cpu_count(), "date": datetime.date.today().isoformat()}


def summary(runs: dict[str, list[dict]], ceiling: float) -> dict:
    """The figures of one track: medians over its rounds."""

    def median(recipe, key):
        return statistics.median(one[key] for one in runs[recipe])

    guide, kit = median("guide", "reviews_per_s"), median("kit", "reviews_per_s")
    batched = statistics.median(one["inference"]["batched"] for one in runs["kit"])
    single = statistics.median(one["inference"]["single"] for one in runs["kit"])
    return {
        "guide_reviews_per_s": guide,
        "kit_reviews_per_s": kit,
        "speedup": kit / guide,
        "fraction_of_ceiling": median("kit", "gflops") / ceiling,
        "guide_fraction_of_ceiling": median("guide", "gflops") / ceiling,
        "guide_accuracy": statistics.mean(one["accuracy"] for one in runs["guide"]),
        "kit_accuracy": statistics.mean(one["accuracy"] for one in runs["kit"]),
        "peak_rss_gb": median("kit", "peak_rss_gb"),
        "startup_s": median("kit", "startup_s"),
        "inference_reviews_per_s": batched,
        "inference_speedup": batched / single,
    }


def show(result: dict) -> None:
    table = Table(title=f"{result['machine']['processor']}, {result['machine']['cores']} cores")
    for heading in ("", *TRACKS):
        table.add_column(heading)
    for key in result["pytorch"]:
        if key != "runs":
            table.add_row(key, *(f"{result[track][key]:.3g}" for track in TRACKS))
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(table)
    console.print("matrix product:", {name: f"{rate:.0f} GFLOP/s" for name, rate in result["ceiling_gflops"].items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reviews", type=int, default=160)
    parser.add_argument("--test-reviews", type=int, default=100)
    parser.add_argument("--output", type=Path, default=FOLDER / "results" / "latest.json")
    arguments = parser.parse_args()
    ceilings = [run("-c", CEILING)]
    runs = {track: {"guide": [], "kit": []} for track in TRACKS}
    for seed in range(arguments.rounds):
        for track in TRACKS:
            for recipe in ("guide", "kit"):
                print(f"round {seed + 1} of {arguments.rounds}: {track}, {recipe}", flush=True)
                sizes = ["--reviews", str(arguments.reviews), "--test-reviews", str(arguments.test_reviews)]
                which = ["--track", track, "--recipe", recipe, "--seed", str(seed)]
                runs[track][recipe].append(run(str(FOLDER / "measure.py"), *which, *sizes))
        ceilings.append(run("-c", CEILING))
    ceiling = {name: statistics.median(one[name] for one in ceilings) for name in ("fp32", "bf16")}
    result = {"machine": machine(), "settings": {"reviews": arguments.reviews, "test_reviews": arguments.test_reviews}}
    result["ceiling_gflops"] = ceiling
    for track in TRACKS:
        result[track] = summary(runs[track], max(ceiling.values())) | {"runs": runs[track]}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    temporary = arguments.output.with_suffix(".tmp")
    temporary.write_text(json.dumps(result, indent=1))
    temporary.replace(arguments.output)
    show(result)


if __name__ == "__main__":
    main()
