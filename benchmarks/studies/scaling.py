"""How cost grows: ``python benchmarks/studies/scaling.py``, about 25 minutes on two cores.

Time and memory of the lesson's steps at 1, 2, 5 and 10 times the reviews. Loading, tokenizing and reading an epoch's batches
take 25,000 to 250,000 reviews, which are the embedded ones, repeated. Training takes 80 to 800, at the kit's settings:
250,000 would take hours on a CPU, and its cost is that of its steps.

Memory is what a process holds by itself (``RssAnon``); the pages of a file that Arrow maps do not count, since the system
takes them back when it needs them.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
from common import RESULTS, TRACKS
from helpers import packages, process, settings

SCALES = (1, 2, 5, 10)
REVIEWS, TRAIN_REVIEWS = 25_000, 80  # at scale 1
STAGES = ("load", "tokenize", "read", "train")


def held_gb() -> float:
    """The memory that this process holds by itself, in GB. Linux only (proc(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e6


@contextmanager
def watched(figures: dict):
    """Put the seconds and the peak memory of the block into ``figures``."""
    done, held = threading.Event(), [held_gb()]

    def watch():
        while not done.wait(0.05):
            held.append(held_gb())

    thread = threading.Thread(target=watch)
    start = time.perf_counter()
    thread.start()
    try:
        yield
    finally:
        figures["seconds"] = time.perf_counter() - start
        done.set()
        thread.join()
        figures["memory_gb"] = max(held)


def repeat(folder: Path, reviews: int) -> None:
    """Write a Parquet file with the embedded reviews, over and over until there are ``reviews`` of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = sorted(packages.reviews_folder().glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(part) for part in parts])
    with pq.ParquetWriter(folder / "train-00000-of-00001.parquet", table.schema) as writer:
        for start in range(0, reviews, 10_000):
            rows = np.arange(start, min(start + 10_000, reviews)) % len(table)
            writer.write_table(table.take(rows))


def prepare(folder: Path, track: str) -> dict:
    """Load, tokenize and read all batches of an epoch, as the lesson of ``track`` does."""
    from datasets import load_dataset
    from transformers import AutoTokenizer

    profile = settings.PROFILES["quick"]
    tokenizer = AutoTokenizer.from_pretrained(
        packages.model_folder(), model_max_length=profile.max_length, truncation_side=profile.truncation_side
    )
    figures = {stage: {} for stage in STAGES[:3]}
    with watched(figures["load"]):
        data = load_dataset(str(folder), split="train", cache_dir=str(folder / "cache")).shuffle(seed=0)
    with watched(figures["tokenize"]):
        data = data.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True)
    read = {"pytorch": read_pytorch, "tensorflow": read_tensorflow}[track](data, tokenizer, folder)
    with watched(figures["read"]):
        batches = sum(1 for _ in read())
    figures["read"]["batches"] = batches
    return figures


def read_pytorch(data, tokenizer, folder: Path):
    """A function that gives the batches of an epoch, as the Trainer of the lesson makes them."""
    import torch
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    arguments = TrainingArguments(
        str(folder),
        per_device_train_batch_size=16,
        use_cpu=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        train_sampling_strategy="group_by_length",
    )
    data = data.remove_columns("text")
    trainer = Trainer(torch.nn.Linear(1, 1), arguments, DataCollatorWithPadding(tokenizer), data)
    return trainer.get_train_dataloader


def read_tensorflow(data, tokenizer, folder: Path):
    """The same for the TensorFlow lesson."""
    from transformers import DataCollatorWithPadding, TFAutoModelForSequenceClassification

    checkpoint = packages.model_folder()
    model = TFAutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    collator = DataCollatorWithPadding(tokenizer, return_tensors="tf")
    return lambda: model.prepare_tf_dataset(data, shuffle=True, batch_size=16, collate_fn=collator)


def train(track: str, reviews: int) -> dict:
    """An epoch at the kit's settings; here the memory is all that the process has, mapped files too."""
    done = common.measure(track, "kit", reviews=reviews)
    return {"seconds": done["seconds"], "memory_gb": done["peak_rss_gb"]}


def draw(result: dict, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), layout="constrained")
    for row, (key, unit) in zip(figure.subplots(2, 4, sharex=True), (("seconds", "s"), ("memory_gb", "GB")), strict=True):  # fmt: skip
        for axes, stage in zip(row, STAGES, strict=True):
            for track in TRACKS:
                scales = sorted(map(int, result[track]))
                values = [result[track][str(scale)][stage][key] for scale in scales]
                axes.plot(scales, values, "o-", color=common.COLORS[track], label=track, markersize=4)
            axes.set_ylim(bottom=0, top=axes.get_ylim()[1] * (1 if key == "seconds" else 1.5))
            axes.set_xticks(scales)
            axes.spines[["top", "right"]].set_visible(False)
            if key == "seconds":
                axes.set_title({"read": "read batches", "train": "train an epoch"}.get(stage, stage), fontsize=11)
            else:
                first = TRAIN_REVIEWS if stage == "train" else REVIEWS
                axes.set_xlabel(f"times {first:,} reviews")
        row[0].set_ylabel({"s": "time (s)", "GB": "memory (GB)"}[unit])
    figure.axes[0].legend(frameon=False, fontsize=9)
    common.save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=2, metavar=("TRACK", "REVIEWS"), help="measure the data steps of one size")
    parser.add_argument("--repeat", nargs=2, metavar=("FOLDER", "REVIEWS"), help="write the reviews of one size")
    parser.add_argument("--scales", type=common.positive, nargs="+", default=SCALES, help="only these; the others stay")
    arguments = parser.parse_args()
    if arguments.repeat:
        print(json.dumps(repeat(Path(arguments.repeat[0]), int(arguments.repeat[1]))))
        return
    if arguments.one:
        track, reviews = arguments.one[0], int(arguments.one[1])
        process.set_up(track)
        process.find(track, "cpu")
        with tempfile.TemporaryDirectory() as folder:
            common.run(__file__, "--repeat", folder, str(reviews))
            print(json.dumps(prepare(Path(folder), track)))
        return
    path = RESULTS / "scaling.json"
    result = {track: {} for track in TRACKS} | common.read(path)
    result |= {"machine": common.machine(), "reviews": REVIEWS, "train_reviews": TRAIN_REVIEWS}
    for scale in arguments.scales:
        for track in TRACKS:
            print(f"{track}, {scale} times", flush=True)
            figures = common.run(__file__, "--one", track, str(REVIEWS * scale), track=track)
            figures["train"] = train(track, TRAIN_REVIEWS * scale)
            result[track][str(scale)] = figures
            common.write(path, result)
    for track in TRACKS:
        rows = [
            [scale, *(f"{by[stage]['seconds']:.1f} s, {by[stage]['memory_gb']:.2f} GB" for stage in STAGES)]
            for scale, by in result[track].items()
        ]
        common.show(track, ["times the reviews", *STAGES], rows)
    draw(result, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
