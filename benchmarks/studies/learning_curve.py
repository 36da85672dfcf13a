"""Accuracy against the number of training texts, for MiniLM and for word counts: ``python benchmarks/studies/learning_curve.py``.

Whole reviews at the lesson's settings, critics' sentences at settings of their own, and some at the lesson's; three seeds. Every model of one
row is tested on the same texts. Each run is written down when it ends, and a second call goes on from there. All of it takes
about three hours on two cores; the sentences take twenty minutes.

At its end it draws the picture of lesson 01 anew; ``--draw`` does that alone.

``--choose`` prints the validation accuracy of settings that were tried for sentences and for long reviews. Neither reads a
test text.
"""

import argparse
import atexit
import shutil
import statistics
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
import measure
from helpers import packages, process, recipe, settings

OUTPUT = common.RESULTS / "learning_curve.json"
FIGURE = common.FOLDER.parent / "notebooks" / "source" / "pictures" / "learning_curve.png"
TEST_TEXTS = {"reviews": 2_000, "sentences": 1_500, "sentences as reviews": 1_500}
# Chosen with --choose.
SENTENCES = {"max_length": 64, "frozen_layers": 0, "learning_rate": 2e-4, "batch_size": 32, "num_epochs": 2}
ROWS = {
    "sentences": [{"train_size": size} | SENTENCES for size in (500, 1_000, 2_000, 4_000, 7_000)],
    # All but the one that is the validation split.
    "reviews": [{"train_size": size} for size in (600, 1_200, 2_400, 4_800, 9_600, 19_903)],
    # Is it the text that is short, or how it was trained?
    "sentences as reviews": [{"train_size": 2_000, "max_length": 64}],
}
CANDIDATES = {
    "sentences": [
        {"train_size": size} | SENTENCES | changes
        for size in (1_000, 5_000)
        for changes in (
            {}, {"num_epochs": 1}, {"num_epochs": 1, "learning_rate": 1e-4}, {"num_epochs": 1, "learning_rate": 3e-4},
            {"num_epochs": 1, "frozen_layers": 3},
            {"frozen_layers": 3, "learning_rate": 3e-4, "num_epochs": 2},
        )
    ],
    "reviews": [
        {"train_size": 2_400} | changes
        for changes in (
            {}, {"max_length": 320}, {"frozen_layers": 0, "learning_rate": 2e-4}, {"num_epochs": 2},
            {"max_length": 320, "frozen_layers": 0, "learning_rate": 2e-4, "num_epochs": 2},
        )
    ],
}  # fmt: skip


@cache
def folder(kind: str) -> str:
    """A folder with a train and a test split. Of the critics' sentences 1,500 are set apart, the same at every call."""
    if kind == "reviews":
        return str(packages.reviews_folder())
    from datasets import load_dataset

    made = Path(tempfile.mkdtemp(prefix="sentences-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    texts = load_dataset(str(packages.snippets_folder()), split="test")
    for name, part in texts.train_test_split(test_size=TEST_TEXTS[kind], seed=0).items():
        part.to_parquet(made / f"{name}-00000-of-00001.parquet")
    return str(made)


def train(kind: str, changes: dict, seed: int, validation: int = 0) -> dict:
    """Train one row; accuracy (0 to 1) of the transformer and of word counts on test texts, or on so many validation texts."""
    run = settings.Settings("pytorch", "quick", "embedded", "cpu", precision=process.cpu_precision())
    values = {name: value for name, (value, _) in recipe.suited(run).items()}
    test = 1 if validation else TEST_TEXTS[kind]
    values |= {"validation_size": validation or 1, "test_size": test, "seed": seed, "dataset": folder(kind)} | changes
    start = time.monotonic()
    names, _ = measure.run("pytorch", values, until="trainer.save_model(")
    seconds, split = time.monotonic() - start, "validation" if validation else "test"
    accuracy = names["trainer"].predict(names["tokenized_imdb"][split]).metrics["test_accuracy"]
    return {"transformer": accuracy, "baseline": common.word_counts(names["imdb"], split), "seconds": round(seconds)}


def name(changes: dict) -> str:
    return ", ".join(f"{key} {value}" for key, value in changes.items())


def choose(kinds: list[str], seeds: int) -> None:
    print("| settings | validation accuracy of each seed | word counts | seconds |\n|---|---|---|---|", flush=True)
    for kind in kinds:
        for changes in CANDIDATES[kind]:
            found = [train(kind, changes, seed, validation=1_000) for seed in range(seeds)]
            cells = [", ".join(f"{one[key]:.3f}" for one in found) for key in ("transformer", "baseline")]
            print(f"| {kind}: {name(changes)} | {' | '.join(cells)} | {found[0]['seconds']} |", flush=True)


def draw() -> None:
    """The picture of lesson 01: both curves, the mean of the seeds with the interval that the number of test texts gives."""
    import matplotlib.pyplot as plt
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo
    from scipy.stats import binomtest

    from helpers import pictures

    result, alts = common.read(OUTPUT), []
    looks = {
        "transformer": ("MiniLM, fine-tuned", pictures.BLUE, "o"),
        "baseline": ("word counts", pictures.ORANGE, "s"),
    }
    titles = {"sentences": "Sentences of critics", "reviews": "Whole reviews"}
    with plt.rc_context(pictures.STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.3), layout="constrained", sharey=True)
        for one, (kind, title) in zip(axes, titles.items(), strict=True):
            rows = [row for row in result.get(kind, {}).values() if len(row["seeds"]) > 1]
            sizes = [row["changes"]["train_size"] for row in rows]
            for method, (label, color, marker) in looks.items():
                means = [statistics.mean(seed[method] for seed in row["seeds"].values()) for row in rows]
                tests = result["test_texts"][kind]
                ranges = [binomtest(round(mean * tests), tests).proportion_ci(method="wilson") for mean in means]
                error = [
                    [mean - span.low for mean, span in zip(means, ranges, strict=True)],
                    [span.high - mean for mean, span in zip(means, ranges, strict=True)],
                ]
                one.errorbar(sizes, means, yerr=error, color=color, marker=marker, capsize=3, label=label)
                for row, size in zip(rows, sizes, strict=True):
                    seeds = [seed[method] for seed in row["seeds"].values()]
                    one.scatter([size] * len(seeds), seeds, s=10, color=color, alpha=0.5)
                found = ", ".join(f"{mean:.3f} with {size:,}" for mean, size in zip(means, sizes, strict=True))
                alts.append(f"{title}, {label}: {found}")
            one.set_xscale("log")
            one.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=45)
            one.minorticks_off()
            one.set_title(title)
            one.set_xlabel("training texts")
            one.grid(axis="y", alpha=0.3)
        axes[0].set_ylabel("accuracy")
        axes[0].legend(frameon=False, fontsize=10)
        about, path = PngInfo(), FIGURE.with_suffix(".tmp")
        about.add_text("Description", f"Accuracy against the number of training texts. {'; '.join(alts)}.")
        figure.savefig(path, format="png", dpi=120)
        colours = Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE, colors=32)
        colours.save(FIGURE, format="png", optimize=True, pnginfo=about)
        path.unlink()
        plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=common.positive, default=3)
    parser.add_argument("--only", choices=ROWS, nargs="+", default=list(ROWS))
    parser.add_argument(
        "--largest", type=common.positive, default=19_903, help="leave out rows with more training texts"
    )
    parser.add_argument(
        "--choose", action="store_true", help="print what was tried on validation texts; writes nothing"
    )
    parser.add_argument("--draw", action="store_true", help="draw the picture of lesson 01 alone")
    arguments = parser.parse_args()
    if arguments.draw:
        draw()
        return
    process.set_up("pytorch")
    if arguments.choose:
        choose(arguments.only, arguments.seeds)
        return
    rows = [(kind, changes) for kind in arguments.only for changes in ROWS[kind]]
    for seed in range(arguments.seeds):
        for kind, changes in rows:
            result = common.read(OUTPUT)
            found = result.setdefault(kind, {}).setdefault(name(changes), {"changes": changes, "seeds": {}})
            if str(seed) in found["seeds"] or changes["train_size"] > arguments.largest:
                continue
            print(f"seed {seed}: {kind}, {name(changes)}", flush=True)
            found["seeds"][str(seed)] = train(kind, changes, seed)
            common.write(OUTPUT, result | {"machine": common.machine(), "test_texts": TEST_TEXTS})
    for kind in arguments.only:
        table = [
            [label, *(f"{one['transformer']:.3f} / {one['baseline']:.3f}" for one in row["seeds"].values())]
            for label, row in common.read(OUTPUT)[kind].items()
        ]
        common.show(f"{kind}: transformer / word counts", ["", *map(str, range(arguments.seeds))], table)
    draw()


if __name__ == "__main__":
    main()
