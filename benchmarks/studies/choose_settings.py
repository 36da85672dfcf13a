"""How the values of the embedded checkpoint were chosen: accuracy on 1,000 reviews held out of the train split.

The test split is never read. Run ``python benchmarks/studies/choose_settings.py``; each row takes about four minutes on two
cores. What it printed is in ``benchmarks/README.md``.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the benchmarks share

import common
import measure
from helpers import process, recipe, settings

CANDIDATES = [
    {},
    {"learning_rate": 4e-4},
    {"learning_rate": 7e-4},
    {"config_changes": {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.1}},
    {"truncation_side": "right"},
    {"truncation_side": "right", "max_length": 320},
    {"max_length": 320},
    {"frozen_layers": 0},
]


def train(changes: dict, seed: int, reviews: int) -> float:
    """Train the lesson's recipe with ``changes`` to its values; returns the validation accuracy (0 to 1)."""
    run = settings.Settings("pytorch", "quick", "embedded", "cpu", precision=process.cpu_precision())
    values = {name: value for name, (value, _) in recipe.suited(run).items()}
    sizes = {"train_size": reviews, "validation_size": 1_000, "test_size": 1, "seed": seed}
    names, _ = measure.run("pytorch", values | sizes | changes, until="trainer.save_model(")
    return names["trainer"].predict(names["tokenized_imdb"]["validation"]).metrics["test_accuracy"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=common.positive, default=1, help="runs of each candidate")
    parser.add_argument("--reviews", type=common.positive, default=2_400)
    parser.add_argument("--only", type=int, nargs="+", help="numbers of candidates, from 0")
    arguments = parser.parse_args()
    process.set_up("pytorch")
    print("| the kit's values, but | accuracy of each seed |\n|---|---|", flush=True)
    for number, changes in enumerate(CANDIDATES):
        if arguments.only is None or number in arguments.only:
            accuracies = [train(changes, seed, arguments.reviews) for seed in range(arguments.seeds)]
            words = ", ".join(f"{name} {value}" for name, value in changes.items()) or "as they are"
            print(f"| {words} | {', '.join(f'{accuracy:.3f}' for accuracy in accuracies)} |", flush=True)


if __name__ == "__main__":
    main()
