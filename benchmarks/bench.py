"""The guide's settings and the kit's on the same reviews, checkpoint and machine: ``make bench``.

The recipes alternate, each run in a process of its own. Writes ``benchmarks/results/latest.json`` with all raw figures and
a picture beside it, and prints medians and ratios. Machines are shared and noisy: trust the ratios before the absolute
figures. So few reviews teach a model nothing, so the accuracies are those that ``accuracy.py`` found, in three hours.
"""

import argparse
import os
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_client.manager import start_new_kernel

import common
from common import RESULTS, TRACKS, median
from helpers import environments

START = """
import tempfile
from helpers import process, recipe, settings
run = process.prepare(settings.resolve("{track}", assets="embedded", device="cpu"))
checkpoint, seed, output_dir = "distilbert/distilbert-base-uncased", 42, tempfile.mkdtemp()
recipe.fit(globals(), run)
from transformers import AutoTokenizer
AutoTokenizer.from_pretrained(checkpoint)
"""
IMPORT = """
import json, time
start = time.perf_counter()
from helpers import checks, errors, hub, panels, pictures, process, recipe, resume, results, settings
print(json.dumps({"seconds": time.perf_counter() - start}))
"""


def startup(track: str) -> float:
    """Seconds from the start of a notebook's kernel until a lesson's tokenizer is loaded."""
    start = time.perf_counter()
    manager, client = start_new_kernel(kernel_name=environments.kernel(track), stderr=subprocess.DEVNULL)
    try:
        reply = client.execute_interactive(START.format(track=track), timeout=300, output_hook=lambda _: None)
        if reply["content"]["status"] != "ok":
            raise SystemExit("\n".join(reply["content"]["traceback"]))
        return time.perf_counter() - start
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def summary(track: str, runs: dict[str, list], ceiling: float) -> dict:
    """The figures of one track: medians over its rounds, and the mean accuracies, ``None`` where nobody measured them."""
    guide, kit = (median(runs[name], "reviews_per_s") for name in ("guide", "kit"))
    batched, single, limit = (
        statistics.median(one["inference"][key] for one in runs["kit"]) for key in ("batched", "single", "guide")
    )
    return {
        "guide_reviews_per_s": guide,
        "kit_reviews_per_s": kit,
        "speedup": kit / guide,
        "steady_speedup": median(runs["kit"], "steady_reviews_per_s") / median(runs["guide"], "steady_reviews_per_s"),
        "fraction_of_ceiling": median(runs["kit"], "steady_gflops") / ceiling,
        "guide_fraction_of_ceiling": median(runs["guide"], "steady_gflops") / ceiling,
        "less_work": median(runs["guide"], "gflop_per_review") / median(runs["kit"], "gflop_per_review"),
        **common.accuracies(track),
        "guide_peak_rss_gb": median(runs["guide"], "peak_rss_gb"),
        "peak_rss_gb": median(runs["kit"], "peak_rss_gb"),
        "startup_s": statistics.median(runs["startups"]),
        "inference_reviews_per_s": batched,
        "inference_speedup": batched / single,
        "inference_speedup_over_512_tokens": batched / limit,
    }


def draw(result: dict, path: Path) -> None:
    """Two panels of bars: reviews per second of training and of inference, the guide's way and the kit's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6), layout="constrained")
    names = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}
    left, right = figure.subplots(1, 2)
    for axes, title, pairs in (
        (left, "Training, reviews per second", [(result[t]["guide_reviews_per_s"], result[t]["kit_reviews_per_s"]) for t in TRACKS]),
        (right, "Inference, reviews per second",
         [(result[t]["inference_reviews_per_s"] / result[t]["inference_speedup"], result[t]["inference_reviews_per_s"]) for t in TRACKS]),
    ):  # fmt: skip
        for row, (track, (guide, kit)) in enumerate(zip(TRACKS, pairs, strict=True)):
            bars = axes.barh(
                [row - 0.2, row + 0.2], [guide, kit], 0.36, color=[common.COLORS["guide"], common.COLORS[track]]
            )
            axes.bar_label(bars, [f"{guide:.1f}", f"{kit:.1f}  ({kit / guide:.1f} times)"], padding=3)
        axes.set_yticks(range(len(TRACKS)), [names[track] for track in TRACKS])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.45 * max(max(pair) for pair in pairs))
        axes.set_title(title, loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_xlabel("grey: the guide's settings; colour: the kit's")
    right.set_xlabel("grey: one at a time; colour: the kit's way for many")
    common.save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=common.positive, default=3)
    parser.add_argument("--reviews", type=common.positive, default=64)
    parser.add_argument("--inference", type=common.positive, default=1_000, help="reviews to classify")
    parser.add_argument(
        "--at-once", type=common.positive, default=1, help="more than 1 is faster, and no measure of anything"
    )
    parser.add_argument("--output", type=Path, default=RESULTS / "latest.json")
    arguments = parser.parse_args()
    environments.find_kernels()
    runs = {track: {"guide": [], "kit": [], "startups": []} for track in TRACKS}
    imports, ceilings = [common.run("-c", IMPORT)["seconds"]], [common.ceiling()]

    def one(seed: int, track: str, recipe: str) -> None:
        print(f"round {seed + 1} of {arguments.rounds}: {track}, {recipe}", flush=True)
        options = {"seed": seed, "reviews": arguments.reviews}
        if recipe == "startups":
            runs[track][recipe].append(startup(track))
        elif recipe == "guide":
            runs[track][recipe].append(common.measure(track, "", **options))
        else:
            runs[track][recipe].append(common.measure(track, "kit", **options, inference=arguments.inference))

    if arguments.at_once > 1:  # with all cores each, they would be slower than one after the other
        os.environ |= {name: "1" for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}
    for seed in range(arguments.rounds):
        with ThreadPoolExecutor(arguments.at_once) as pool:
            list(
                pool.map(
                    one,
                    *zip(*[(seed, track, recipe) for recipe in runs[TRACKS[0]] for track in TRACKS[::-1]], strict=True),
                )
            )
        imports.append(common.run("-c", IMPORT)["seconds"])
        ceilings.append(common.ceiling())
    ceiling = {name: median(ceilings, name) for name in ("fp32", "bf16")}
    result = {
        "machine": common.machine(),
        "settings": vars(arguments) | {"output": arguments.output.name},
        "ceiling_gflops": ceiling,
        "import_helpers_s": statistics.median(imports),
    }
    for track in TRACKS:
        figures = summary(track, runs[track], max(ceiling.values()))
        result[track] = figures | {"runs": runs[track]}
    common.write(arguments.output, result)
    draw(result, arguments.output.with_suffix(".png"))
    rows = [[key, *(result[track][key] for track in TRACKS)] for key in figures]
    common.show(f"{result['machine']['processor']}, {result['machine']['cores']} cores", ["", *TRACKS], rows)
    rates = ", ".join(f"{rate:.0f} GFLOP/s in {name}" for name, rate in ceiling.items())
    print(f"Matrix product: {rates}. import helpers: {result['import_helpers_s']:.2f} s.")


if __name__ == "__main__":
    main()
