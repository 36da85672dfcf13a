"""How the settings of the embedded checkpoint were chosen: accuracy on 1,000 reviews held out of the train split.

The test split is never read. Run ``python benchmarks/choose_settings.py``; each row takes about four minutes on two
cores. What it printed is in ``benchmarks/README.md``.
"""

import argparse
from dataclasses import replace

import common
import measure
from helpers import assets
from helpers import device as process

VALIDATION_REVIEWS = 1_000
# learning rate, dropout, frozen layers, tokens kept, what is cut, training reviews
CANDIDATES = [
    (3e-4, 0.0, 3, 160, "start", 2_400),
    (4e-4, 0.0, 3, 160, "start", 2_400),
    (7e-4, 0.0, 3, 160, "start", 2_400),
    (3e-4, 0.1, 3, 160, "start", 2_400),
    (3e-4, 0.0, 3, 160, "end", 2_400),
    (3e-4, 0.0, 3, 160, "middle", 2_400),
]


def cut_middle(input_ids: list[int], max_tokens: int) -> list[int]:
    """The first and the last half of ``max_tokens`` tokens, where there are more."""
    half = max_tokens // 2
    return input_ids if len(input_ids) <= max_tokens else input_ids[:half] + input_ids[-half:]


def train(candidate, seed: int) -> float:
    """Train on one candidate; returns the validation accuracy (0 to 1)."""
    from datasets import load_dataset
    from transformers import AutoTokenizer, set_seed

    rate, dropout, frozen, max_tokens, cut, reviews = candidate
    set_seed(seed)
    source = assets.embedded("a benchmark asks for them")
    tokenizer = AutoTokenizer.from_pretrained(source.checkpoint, model_max_length=max_tokens)
    tokenizer.truncation_side = "left" if cut == "start" else "right"

    def tokenize(rows):
        if cut != "middle":
            return tokenizer(rows["text"], truncation=True)
        ids = tokenizer(rows["text"], verbose=False)["input_ids"]
        return {"input_ids": [cut_middle(review, max_tokens) for review in ids]}

    data = load_dataset(source.dataset, split="train").shuffle(seed=seed).select(range(VALIDATION_REVIEWS + reviews))
    data = data.map(tokenize, batched=True).remove_columns("text")
    source = replace(
        source,
        learning_rate=rate,
        frozen_layers=frozen,
        options={"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": dropout},
    )
    parts = {
        "train": data.select(range(VALIDATION_REVIEWS, VALIDATION_REVIEWS + reviews)),
        "test": data.select(range(VALIDATION_REVIEWS)),
    }
    run = measure.Run(frozenset(measure.LEVERS), source, tokenizer, parts, seed)
    return measure.pytorch(run)["accuracy"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=common.positive, default=1, help="runs of each candidate")
    parser.add_argument("--cut", choices=("start", "end", "middle"), help="only the candidates that cut this")
    arguments = parser.parse_args()
    process.prepare("pytorch")
    print("| rate | dropout | frozen layers | tokens | cut | reviews | accuracy of each seed |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for candidate in CANDIDATES:
        if arguments.cut in (None, candidate[4]):
            accuracies = ", ".join(f"{train(candidate, seed):.3f}" for seed in range(arguments.seeds))
            print(f"| {' | '.join(map(str, candidate))} | {accuracies} |", flush=True)


if __name__ == "__main__":
    main()
