"""What the benchmarks share: a process for each measurement, the machine's name and speed, tables, whole files."""

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

from helpers import environments

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
TRACKS = tuple(environments.NAMES)
COLORS = {"pytorch": "#0072b2", "tensorflow": "#d55e00", "guide": "#999999"}  # Okabe and Ito: told apart by all eyes

# The median time of a product of two square matrices, which takes 2 n³ operations. bf16 with a smaller matrix, because
# processors that only emulate it are very slow.
CEILING = """
import json, statistics, time, torch
device = "cuda" if torch.cuda.is_available() and {gpu} else "cpu"
def rate(dtype, size, rounds=5):
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        a @ b
        if device == "cuda": torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(times[1:]) / 1e9
size = 8192 if device == "cuda" else 2048
emulated = device == "cpu" and not {bf16}
print(json.dumps({{"fp32": rate(torch.float32, size), "bf16": rate(torch.bfloat16, 512 if emulated else size)}}))
"""


def run(*command: str, track: str | None = None) -> dict:
    """The JSON on the last line that a Python process prints, in the environment of ``track`` if it is given.

    The benchmark stops where that process fails.
    """
    python = environments.python(track) if track else sys.executable
    done = subprocess.run([python, *command], check=False, capture_output=True, text=True, cwd=FOLDER.parent)
    if done.returncode:
        why = "killed, mostly for lack of memory" if done.returncode == -9 else done.stderr[-2000:]
        sys.exit(f"This process ended with status {done.returncode}: {' '.join(command)[:300]}\n{why}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(track: str, levers: str, **options) -> dict:
    """One run of ``measure.py``; ``options`` are its arguments."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return run(str(FOLDER / "measure.py"), "--track", track, "--levers", levers, *words, track=track)


def accuracies(track: str) -> dict[str, float | None]:
    """Means of what ``accuracy.py`` wrote down, over the seeds that both recipes have; ``None`` if there are none."""
    found = read(RESULTS / "accuracy.json").get("accuracy", {})
    by_seed = {recipe: found.get(f"{track}, {recipe}", {}) for recipe in ("guide", "kit")}
    seeds = by_seed["guide"].keys() & by_seed["kit"].keys()
    return {
        f"{recipe}_accuracy": statistics.mean(values[seed] for seed in seeds) if seeds else None
        for recipe, values in by_seed.items()
    }


def word_counts(texts, split: str) -> float:
    """The accuracy (0 to 1) of the lesson's TF-IDF with logistic regression, fitted to the train split of a ``DatasetDict``."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
    model.fit(list(texts["train"]["text"]), texts["train"]["label"])
    return float(model.score(list(texts[split]["text"]), texts[split]["label"]))


def positive(text: str) -> int:
    """A count from the command line, at least 1; for argparse."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count of 1 or more")
    return int(text)


def ceiling(gpu: bool = False) -> dict[str, float]:
    """What the machine reaches in a matrix product, in GFLOP/s, for fp32 and bf16."""
    from helpers.process import cpu_precision

    return run("-c", CEILING.format(gpu=gpu, bf16=cpu_precision() == "bf16"), track="pytorch")


def machine() -> dict:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    name = names[0].split(":")[1].strip() if names else platform.processor()
    return {"processor": name, "cores": os.cpu_count(), "date": datetime.date.today().isoformat()}


def median(runs: list[dict], key: str) -> float:
    return statistics.median(one[key] for one in runs)


def read(path: Path) -> dict:
    """What an earlier run wrote, or nothing."""
    return json.loads(path.read_text()) if path.exists() else {}


def write(path: Path, result: dict) -> None:
    """Write ``result`` as JSON, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(result, indent=1))
    temporary.replace(path)


def show(title: str, headings: list[str], rows: list[list]) -> None:
    """Print a table; numbers with three digits."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def save_figure(figure, path: Path) -> None:
    """Write a picture under a temporary name first, without the date that would change it at every run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    figure.savefig(temporary, format="png", dpi=150, bbox_inches="tight", metadata={"Software": None})
    temporary.replace(path)
