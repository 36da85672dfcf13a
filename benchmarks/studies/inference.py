"""Ways to classify many reviews, in reviews per second: ``python benchmarks/studies/inference.py``, about six minutes.

All with the quick profile's tokens. The median of three runs, behind a first one that does not count (it compiles). The
head of the model is fresh: what it answers is of no interest here, only how fast.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
from common import RESULTS, TRACKS
from helpers import packages, process, settings

BATCH = 16


def pytorch_ways(tokenizer, rows, by_length) -> dict:
    """A function for each way."""
    import torch
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainingArguments

    model = AutoModelForSequenceClassification.from_pretrained(packages.model_folder(), num_labels=2).eval()
    int8 = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    arguments = TrainingArguments(
        tempfile.mkdtemp(), per_device_eval_batch_size=BATCH, disable_tqdm=True,
        dataloader_pin_memory=False, use_cpu=True,
    )  # fmt: skip

    def predict(model, rows):
        return Trainer(model=model, args=arguments, data_collator=DataCollatorWithPadding(tokenizer)).predict(rows)

    return pipeline_ways(model, tokenizer, rows, by_length) | {
        "batches of 16": lambda: predict(model, rows),
        "batches of 16, sorted": lambda: predict(model, by_length),
        "batches of 16, sorted, int8 matrices": lambda: predict(int8, by_length),
    }


def tensorflow_ways(tokenizer, rows, by_length) -> dict:
    from transformers import DataCollatorWithPadding, TFAutoModelForSequenceClassification

    model = TFAutoModelForSequenceClassification.from_pretrained(packages.model_folder(), num_labels=2)

    def predict(rows, **padding):
        collator = DataCollatorWithPadding(tokenizer, return_tensors="tf", **padding)
        batches = rows.to_tf_dataset(
            columns=tokenizer.model_input_names, batch_size=BATCH, collate_fn=collator, num_test_batches=200
        )
        return model.predict(batches, verbose=0)

    return pipeline_ways(model, tokenizer, rows, by_length) | {
        "batches of 16": lambda: predict(rows),
        "batches of 16, sorted": lambda: predict(by_length),
        "batches of 16, sorted, multiple of 32 tokens": lambda: predict(by_length, pad_to_multiple_of=32),
    }


def pipeline_ways(model, tokenizer, rows, by_length) -> dict:
    from transformers import pipeline

    classifier = pipeline("sentiment-analysis", model=model, tokenizer=tokenizer)
    texts, sorted_texts = list(rows["text"]), list(by_length["text"])
    return {
        "pipeline, one at a time": lambda: [classifier(text, truncation=True) for text in texts],
        "pipeline, batch_size=16": lambda: classifier(texts, truncation=True, batch_size=BATCH),
        "pipeline, batch_size=16, sorted": lambda: classifier(sorted_texts, truncation=True, batch_size=BATCH),
    }


def rates(track: str, reviews: int) -> dict[str, float]:
    """Reviews per second of each way of ``track``."""
    process.set_up(track)
    process.find(track, "cpu")
    from datasets import load_dataset
    from transformers import AutoTokenizer

    profile = settings.PROFILES["quick"]
    tokenizer = AutoTokenizer.from_pretrained(
        packages.model_folder(), model_max_length=profile.max_length, truncation_side=profile.truncation_side
    )
    rows = load_dataset(str(packages.reviews_folder()), split="test").shuffle(seed=0).select(range(reviews))
    rows = rows.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True, keep_in_memory=True)
    by_length = rows.map(lambda row: {"length": len(row["input_ids"])}, keep_in_memory=True).sort("length")
    found = {}
    for name, way in {"pytorch": pytorch_ways, "tensorflow": tensorflow_ways}[track](
        tokenizer, rows, by_length
    ).items():
        times = []
        for _ in range(4):
            start = time.perf_counter()
            way()
            times.append(time.perf_counter() - start)
        found[name] = reviews / statistics.median(times[1:])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviews", type=common.positive, default=96)
    parser.add_argument("--track", choices=TRACKS, help="only this track, as JSON")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    if arguments.track:
        print(json.dumps(rates(arguments.track, arguments.reviews)))
        return
    result = {"machine": common.machine(), "reviews": arguments.reviews}
    for track in TRACKS:
        print(track, flush=True)
        result[track] = common.run(__file__, "--track", track, "--reviews", str(arguments.reviews), track=track)
        rows = [[name, rate] for name, rate in result[track].items()]
        common.show(track, ["", "reviews per second"], rows)
    common.write(RESULTS / "inference.json", result)


if __name__ == "__main__":
    main()
