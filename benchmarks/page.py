"""Put the last results into the tables of ``benchmarks/README.md`` and ``README.md``: ``python benchmarks/page.py``.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``; what is between them is written anew.
"""

import re
import statistics

import common
from common import FOLDER, RESULTS, TRACKS
from measure import LEVERS

PAGES = (FOLDER / "README.md", FOLDER.parent / "README.md")
# Key of a track's figures: what it means, how to show it, the bar of both tracks or of each.
FIGURES = {
    "guide_reviews_per_s": ("training, the guide's settings, reviews per second", "{:.1f}", ""),
    "kit_reviews_per_s": ("training, the kit's settings, reviews per second", "{:.1f}", ""),
    "speedup": ("kit over guide, first step's compilation included", "{:.1f} times", "3.5 and 2 times"),
    "steady_speedup": ("the same without the first step", "{:.1f} times", ""),
    "fraction_of_ceiling": ("fraction of the machine's matrix rate, kit", "{:.2f}", "0.55 and 0.4"),
    "guide_fraction_of_ceiling": ("the same, guide", "{:.2f}", ""),
    "less_work": ("computation for a review, guide over kit", "{:.1f} times", ""),
    "peak_rss_gb": ("peak memory of training, kit", "{:.2f} GB", "2.0 GB"),
    "guide_peak_rss_gb": ("the same, guide", "{:.2f} GB", ""),
    "guide_accuracy": ("accuracy at the quick profile, the guide's settings, mean of the seeds", "{:.3f}", ""),
    "kit_accuracy": ("the same, the kit's settings", "{:.3f}", "not below the guide's"),
    "startup_s": ("kernel start to tokenizer loaded", "{:.1f} s", "8 and 10 s"),
    "inference_reviews_per_s": ("inference, the kit's way, reviews per second", "{:.1f}", ""),
    "inference_speedup": ("over one review at a time, same model and tokens", "{:.1f} times", "4 times"),
    "inference_speedup_over_512_tokens": ("over one review at a time, the guide's 512 tokens", "{:.1f} times", ""),
}


def table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def latest() -> str:
    result = common.read(RESULTS / "latest.json")
    figures = [result[track] | common.accuracies(track) for track in TRACKS]

    def cell(value, form):
        return "not measured" if value is None else form.format(value)

    rows = [[what, *(cell(one[key], form) for one in figures), bar] for key, (what, form, bar) in FIGURES.items()]
    rates = result["ceiling_gflops"]
    head = f"{where(result)}. Matrix product: {rates['fp32']:.0f} GFLOP/s in fp32, {rates['bf16']:.0f} in bf16."
    imported = f"Importing `helpers`, with all its modules: {result['import_helpers_s']:.2f} s."
    sizes = result["settings"]
    how = f"{sizes['rounds']} rounds; training on {sizes['reviews']} reviews, inference on {sizes['inference']:,}."
    return f"{head} {how} {imported}\n\n" + table(["median of the rounds", "PyTorch", "TensorFlow", "bar"], rows)


def speed() -> str:
    """The table of the project's first page."""
    result = common.read(RESULTS / "latest.json")
    keys = ("speedup", "steady_speedup", "inference_speedup", "startup_s", "peak_rss_gb")
    sizes = f"{result['settings']['reviews']} reviews"
    titles = (f"training on {sizes}, over the guide's settings", "the same without the first step", "inference, over one review at a time", *(FIGURES[key][0] for key in keys[3:]))  # fmt: skip
    rows = [[title, *(FIGURES[key][1].format(result[track][key]) for track in TRACKS)] for title, key in zip(titles, keys, strict=True)]  # fmt: skip
    return table([where(result), "PyTorch", "TensorFlow"], rows)


def where(result: dict) -> str:
    machine = result["machine"]
    return f"{machine['cores']} cores, {machine['processor']}, {machine['date']}"


def levers() -> str:
    result = common.read(RESULTS / "levers.json")

    def cell(track, name):
        if name in result[track]:
            return f"{result[track][name]:.2f}"
        return "not measured" if name == "bf16" else "no such lever"

    rows = [
        [f"{name}: {what}", *(cell(track, name) for track in TRACKS)]
        for name, (what, _) in LEVERS.items()
        if name != "rate"
    ]
    rounds = min(len(result[f"{track}_reviews_per_s"]["kit"]) for track in TRACKS)
    sizes = "Training on 160 reviews, 640 for *like length*."
    return f"{where(result)}. Rounds: {rounds}. {sizes}\n\n" + table(["times as fast", "PyTorch", "TensorFlow"], rows)


def preparation() -> str:
    result = common.read(RESULTS / "levers.json")["preparation"]
    imports = [
        [name, f"{row['seconds']:.1f} s", f"{row['rss_gb']:.2f} GB"] for name, row in result["importing"].items()
    ]
    tokens = [
        [name, f"{row['seconds']:.2f} s", f"{row['again_s']:.2f} s"] for name, row in result["tokenizing"].items()
    ]
    return (
        table(["importing, and loading the checkpoint", "time", "memory"], imports)
        + "\n\n"
        + table(["tokenizing 2,400 reviews", "first time", "again, from datasets' cache"], tokens)
    )


def inference() -> str:
    result = common.read(RESULTS / "inference.json")
    names = dict.fromkeys(name for track in TRACKS for name in result[track])
    rows = [
        [name, *(f"{result[track][name]:.1f}" if name in result[track] else "" for track in TRACKS)] for name in names
    ]
    return f"{where(result)}. {result['reviews']} reviews.\n\n" + table(
        ["reviews per second", "PyTorch", "TensorFlow"], rows
    )


def scaling() -> str:
    result = common.read(RESULTS / "scaling.json")
    rows = [
        [track, f"{scale} ×", *(f"{by[stage]['seconds']:.1f} s, {by[stage]['memory_gb']:.2f} GB" for stage in by)]
        for track in TRACKS
        for scale, by in result[track].items()
    ]
    return f"{where(result)}.\n\n" + table(["track", "reviews", "load", "tokenize", "read batches", "train"], rows)


def accuracy() -> str:
    result = common.read(RESULTS / "accuracy.json")
    rows = [
        [
            name,
            len(by),
            f"{statistics.mean(by.values()):.3f}",
            ", ".join(f"{value:.3f}" for value in by.values()),
            where({"machine": result["machines"][name]}),
        ]
        for name, by in sorted(result["accuracy"].items())
    ]
    return table(["settings", "seeds", "mean accuracy", "each", "measured on"], rows)


def learning_curve() -> str:
    result = common.read(RESULTS / "learning_curve.json")
    rows = [
        [
            kind,
            f"{row['changes']['train_size']:,}",
            *(
                f"{statistics.mean(seed[method] for seed in row['seeds'].values()):.3f} "
                f"({', '.join(f'{seed[method]:.3f}' for seed in row['seeds'].values())})"
                for method in ("transformer", "baseline")
            ),
        ]
        for kind in ("sentences", "sentences as reviews", "reviews")
        for row in result[kind].values()
        if row["seeds"]
    ]
    tests = result["test_texts"]
    head = f"{where(result)}. Tested on {tests['sentences']:,} sentences and {tests['reviews']:,} reviews."
    return f"{head}\n\n" + table(
        ["texts", "to train on", "MiniLM, mean (each seed)", "word counts, mean (each seed)"], rows
    )


def filled(text: str) -> str:
    """``text`` with each table as the results have it."""
    makers = {
        maker.__name__: maker
        for maker in (speed, latest, levers, preparation, inference, scaling, accuracy, learning_curve)
    }
    return re.sub(
        r"(<!-- table (\w+) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}\n{makers[match[2]]()}\n\n{match[3]}",
        text,
        flags=re.S,
    )


def main() -> None:
    for page in PAGES:
        page.write_text(filled(page.read_text()))


if __name__ == "__main__":
    main()
