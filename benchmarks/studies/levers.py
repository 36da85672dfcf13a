"""What each lever gives: ``python benchmarks/studies/levers.py``, about 5 minutes a round on two cores.

The kit's settings over the kit's settings without this lever, in reviews per second of training without the first step, which
compiles; with it for *like length*, whose first batch has the longest reviews. Ratios are made within a round, and the median is
taken over the rounds.

``--preparation`` measures what comes before training: importing, and tokenizing 2,400 reviews.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
from common import RESULTS, TRACKS
from helpers.process import cpu_precision
from measure import levers_of

OUTPUT = RESULTS / "levers.json"
# The Trainer sorts by length within 10 batches of 640 reviews, 37 of 2,400: fewer would hide what this gives.
MORE = 640

IMPORT = """
import json, os, time
start = time.perf_counter()
{setup}
from transformers import {names}
from helpers import packages
{model}.from_pretrained(packages.model_folder(), num_labels=2)
from helpers.results import peak_memory_gb
print(json.dumps({{"seconds": time.perf_counter() - start, "rss_gb": peak_memory_gb()}}))
"""
NAMES = {
    "pytorch": "AutoModelForSequenceClassification, Trainer, pipeline",
    "tensorflow": "TFAutoModelForSequenceClassification, create_optimizer, pipeline",
}
LEAN = "from helpers import process; process.set_up('{track}'); process.find('{track}', 'cpu')"

TOKENIZE = """
import json, os, tempfile, time
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp()
os.environ["TOKENIZERS_PARALLELISM"] = "{parallel}"
from datasets import disable_progress_bars, load_dataset
from transformers import AutoTokenizer
from helpers import packages
disable_progress_bars()
tokenizer = AutoTokenizer.from_pretrained(packages.model_folder(), model_max_length=160, truncation_side="left")
data = load_dataset(str(packages.reviews_folder()), split="train").select(range(2400))
def tokenize(rows):
    return tokenizer(rows["text"], truncation=True)
times = []
for _ in range(2):
    start = time.perf_counter()
    data.map(tokenize, {options})
    times.append(time.perf_counter() - start)
print(json.dumps({{"seconds": times[0], "again_s": times[1]}}))
"""


def preparation(rounds: int) -> dict:
    """Seconds, as medians: importing and loading, tokenizing in several ways."""
    imports = {
        f"{track} alone": IMPORT.format(setup=LEAN.format(track=track), names=names, model=names.split(",")[0])
        for track, names in NAMES.items()
    }
    ways = {
        "one review at a time": TOKENIZE.format(parallel="false", options=""),
        "batched, one thread": TOKENIZE.format(parallel="false", options="batched=True"),
        "batched, all threads": TOKENIZE.format(parallel="true", options="batched=True"),
        "batched, two processes": TOKENIZE.format(parallel="false", options="batched=True, num_proc=2"),
    }
    return {
        title: {
            name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
            for name, code in codes.items()
            if (
                runs := [
                    common.run("-c", code, track=name.split()[0] if title == "importing" else "pytorch")
                    for _ in range(rounds)
                ]
            )
        }
        for title, codes in {"importing": imports, "tokenizing": ways}.items()
    }


def lever_rows(track: str, arguments) -> tuple[dict, dict]:
    """How many times as fast each of ``track``'s levers makes the kit, and the rates it comes from."""
    unmeasurable = {"rate"} | ({"bf16"} if cpu_precision() == "fp32" else set())
    kit = [name for name in levers_of(track) if name not in unmeasurable]
    rates: dict[str, list[float]] = {}

    def rate(name: str, levers: list[str], reviews: int, seed: int) -> float:
        figures = common.measure(track, ",".join([*levers, "rate"]), reviews=reviews, seed=seed)
        found = figures["reviews_per_s" if reviews == MORE else "steady_reviews_per_s"]
        rates.setdefault(name, []).append(found)
        print(f"{track}, round {seed + 1}: {name}: {found:.2f} reviews/s", flush=True)
        return found

    ratios: dict[str, list[float]] = {}
    for seed in range(arguments.rounds):
        whole = rate("kit", kit, arguments.reviews, seed)
        for name in kit:
            others = [other for other in kit if other != name]
            if name == "like length":
                with_it = rate("kit, more reviews", kit, MORE, seed)
                ratios.setdefault(name, []).append(with_it / rate(f"kit - {name}", others, MORE, seed))
            else:
                ratios.setdefault(name, []).append(whole / rate(f"kit - {name}", others, arguments.reviews, seed))
    return {name: statistics.median(found) for name, found in ratios.items()}, rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=common.positive, default=2)
    parser.add_argument("--reviews", type=common.positive, default=160)
    parser.add_argument("--track", choices=TRACKS, help="only this track")
    parser.add_argument("--preparation", action="store_true", help="only importing and tokenizing")
    arguments = parser.parse_args()
    result = common.read(OUTPUT) | {"machine": common.machine()}
    if arguments.preparation:
        result["preparation"] = preparation(arguments.rounds)
        common.write(OUTPUT, result)
        for title, rows in result["preparation"].items():
            common.show(title, ["", *next(iter(rows.values()))], [[name, *row.values()] for name, row in rows.items()])
        return
    for track in [arguments.track] if arguments.track else TRACKS:
        result[track], result[f"{track}_reviews_per_s"] = lever_rows(track, arguments)
        common.write(OUTPUT, result)
        common.show(f"{track}: times as fast", ["lever", "within the kit"], [[*row] for row in result[track].items()])


if __name__ == "__main__":
    main()
