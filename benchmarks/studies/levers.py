"""What each lever gives, alone and with all others: ``python benchmarks/studies/levers.py --rounds 1``, 20 minutes on two cores.

*Alone*: the guide's settings and this one lever, over the guide's settings. *Within*: the kit's settings over the kit's
settings without this lever. Reviews per second of training without the first step, which compiles; with it for *like length*, whose first batch has the longest reviews. Ratios are made
within a round, and the median is taken over the rounds.

``--preparation`` measures what comes before training: importing, and tokenizing 2,400 reviews.
"""

import argparse
import re
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
from common import RESULTS, TRACKS
from helpers.process import cpu_precision
from measure import LEVERS, levers_of

OUTPUT = RESULTS / "levers.json"

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


def recipes(kit: list[str], arguments) -> dict[str, tuple[list[str], int]]:
    """The runs of a round: the levers of each, and its number of training reviews."""
    few, more = arguments.guide_reviews, arguments.kit_reviews
    found = {"guide": ([], few), "kit": (kit, more)}
    found |= {f"guide + {name}": ([name], few) for name in kit}
    found |= {f"kit - {name}": ([other for other in kit if other != name], more) for name in kit}
    if "like length" in kit:
        # The Trainer sorts within 4 batches of 256 reviews, 10 of 640, 37 of 2,400: fewer would hide what this gives.
        found["guide + like length"] = (["like length"], 256)
        found["kit - like length"] = (found["kit - like length"][0], 640)
        found["kit, more reviews"] = (kit, 640)
    return found


def lever_rows(track: str, arguments) -> tuple[dict, dict]:
    """The ratios of ``track``'s levers, and the rates they come from."""
    unmeasurable = {"rate"} | ({"bf16"} if cpu_precision() == "fp32" else set())
    kit = [name for name in levers_of(track) if name not in unmeasurable]
    rates, first_steps = {}, {}
    for seed in range(arguments.rounds):
        for name, (levers, reviews) in recipes(kit, arguments).items():
            lever = re.sub("^(guide|kit) [-+] ", "", name)
            if arguments.lever and lever not in (*arguments.lever, "guide", "kit", "kit, more reviews"):
                continue
            figures = common.measure(track, ",".join([*levers, "rate"]), reviews=reviews, seed=seed)
            whole = lever == "like length" or name == "kit, more reviews"
            rates.setdefault(name, []).append(figures["reviews_per_s" if whole else "steady_reviews_per_s"])
            first_steps.setdefault(name, []).append(figures["first_step_s"])
            print(f"{track}, round {seed + 1}: {name}: {rates[name][-1]:.2f} reviews/s", flush=True)

    def ratio(one, other):
        if one not in rates or other not in rates:
            return None
        return statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))

    rows = {}
    for name in kit:
        whole = "kit, more reviews" if name == "like length" else "kit"
        rows[name] = {"alone": ratio(f"guide + {name}", "guide"), "within": ratio(whole, f"kit - {name}")}
    rows["all together"] = {"alone": ratio("kit", "guide"), "within": None}
    rows = {name: row for name, row in rows.items() if any(row.values())}
    return rows, {"reviews_per_s": rates, "first_step_s": first_steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=common.positive, default=2)
    parser.add_argument("--guide-reviews", type=common.positive, default=48)
    parser.add_argument("--kit-reviews", type=common.positive, default=160)
    parser.add_argument("--track", choices=TRACKS, help="only this track")
    parser.add_argument("--lever", nargs="+", choices=LEVERS, help="only these, with a track")
    parser.add_argument("--preparation", action="store_true", help="only importing and tokenizing")
    arguments = parser.parse_args()
    if arguments.lever and not arguments.track:
        parser.error("--lever needs --track")
    result = common.read(OUTPUT) | {"machine": common.machine()}
    if arguments.preparation:
        result["preparation"] = preparation(arguments.rounds)
        common.write(OUTPUT, result)
        for title, rows in result["preparation"].items():
            common.show(title, ["", *next(iter(rows.values()))], [[name, *row.values()] for name, row in rows.items()])
        return
    for track in [arguments.track] if arguments.track else TRACKS:
        rows, runs = lever_rows(track, arguments)
        if arguments.lever:
            result[track] |= rows
            result[f"{track}_runs, {', '.join(arguments.lever)}"] = runs
        else:
            # Levers that were tried once, and have no code any more, keep their rows.
            result[track], result[f"{track}_runs"] = result.get(track, {}) | rows, runs
        common.write(OUTPUT, result)
        rows = [[name, *(value or "" for value in row.values())] for name, row in result[track].items()]
        common.show(f"{track}: times as fast", ["lever", "alone", "within the kit"], rows)


if __name__ == "__main__":
    main()
