"""Accuracy at the quick profile, guide's settings and kit's, three seeds: ``python benchmarks/studies/accuracy.py``.

Both see the same 2,400 reviews once, and are tested on the same 1,000. Also the lesson's baseline on the same reviews. The
guide's settings take half an hour a run on two cores, so each run is written down when it ends, and a second call goes on
from there.
"""

import argparse
import statistics
import sys
from pathlib import Path

from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
import measure
from common import RESULTS, TRACKS
from helpers import settings

OUTPUT = RESULTS / "accuracy.json"
# They spare the guide's settings half of their time. Kept memory changes no number, oneDNN (in TensorFlow) only the rounding.
RECIPES = {"guide": "memory,oneDNN", "kit": "kit"}
QUICK = settings.PROFILES["quick"]
SIZES = {"reviews": QUICK.train_size, "test_reviews": QUICK.test_size}


def baseline(seed: int, reviews: int, test_reviews: int) -> float:
    """The accuracy of the lesson's baseline on the reviews that ``measure.py`` draws."""
    sizes = {"train_size": reviews, "validation_size": 1, "test_size": test_reviews, "seed": seed}
    names, _ = measure.run("pytorch", sizes, until="AutoTokenizer.from_pretrained(")
    return common.word_counts(names["imdb"], "test")


def keep(name: str, seed: int, value: float) -> None:
    """Write one figure down; under a lock, because the other track may run beside this one."""
    with FileLock(OUTPUT.with_suffix(".lock")):
        result = common.read(OUTPUT)
        result.setdefault("accuracy", {}).setdefault(name, {})[str(seed)] = value
        result.setdefault("machines", {})[name] = common.machine()
        common.write(OUTPUT, result | {"settings": SIZES})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=common.positive, default=3)
    parser.add_argument("--recipe", choices=RECIPES, help="only this one")
    parser.add_argument("--track", choices=TRACKS, help="only this one")
    arguments = parser.parse_args()

    def missing(name: str, seed: int) -> bool:
        return str(seed) not in common.read(OUTPUT).get("accuracy", {}).get(name, {})

    for seed in range(arguments.seeds):
        if missing("baseline", seed):
            keep("baseline", seed, baseline(seed, **SIZES))
        for recipe in [arguments.recipe] if arguments.recipe else RECIPES:
            for track in [arguments.track] if arguments.track else TRACKS:
                if missing(name := f"{track}, {recipe}", seed):
                    print(f"seed {seed}: {name}", flush=True)
                    keep(name, seed, common.measure(track, RECIPES[recipe], seed=seed, **SIZES)["accuracy"])
    rows = [[name, statistics.mean(by.values()), *by.values()] for name, by in common.read(OUTPUT)["accuracy"].items()]
    common.show("Accuracy", ["", "mean", *(f"seed {seed}" for seed in range(arguments.seeds))], rows)


if __name__ == "__main__":
    main()
