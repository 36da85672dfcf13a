"""How the settings of the embedded checkpoint were chosen: accuracy on 1,000 reviews held out of the train split.

The test split is never read. Run ``python benchmarks/choose_settings.py``; each row takes about four minutes on two
cores. What it printed is in ``benchmarks/README.md``.
"""

import argparse
import tempfile

import numpy as np

from helpers import assets, settings

VALIDATION_REVIEWS = 1_000
# learning rate, dropout, frozen layers, tokens kept, side cut, training reviews
CANDIDATES = [
    (3e-4, 0.0, 3, 160, "left", 2_400),
    (4e-4, 0.0, 3, 160, "left", 2_400),
    (7e-4, 0.0, 3, 160, "left", 2_400),
    (3e-4, 0.1, 3, 160, "left", 2_400),
    (3e-4, 0.0, 3, 160, "right", 2_400),
]


def train(candidate, seed: int) -> float:
    """Train on one candidate; returns the validation accuracy (0 to 1)."""
    from datasets import load_dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    rate, dropout, frozen, max_tokens, side, reviews = candidate
    set_seed(seed)
    source = assets.embedded("a benchmark asks for them")
    tokenizer = AutoTokenizer.from_pretrained(source.checkpoint, model_max_length=max_tokens, truncation_side=side)
    data = load_dataset(source.dataset, split="train").shuffle(seed=seed)
    data = data.select(range(VALIDATION_REVIEWS + reviews))
    data = data.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True)
    model = AutoModelForSequenceClassification.from_pretrained(
        source.checkpoint, num_labels=2, attention_probs_dropout_prob=0.0, hidden_dropout_prob=dropout
    )
    model.base_model.embeddings.requires_grad_(not frozen)
    model.base_model.encoder.layer[:frozen].requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            learning_rate=rate,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=16,
            num_train_epochs=1,
            weight_decay=0.01,
            warmup_ratio=source.warmup_ratio,
            save_strategy="no",
            report_to="none",
            seed=seed,
            disable_tqdm=True,
            logging_strategy="no",
            dataloader_pin_memory=False,
            **settings.batches_of_like_length(),
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=data.select(range(VALIDATION_REVIEWS, VALIDATION_REVIEWS + reviews)),
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.train()
        held_out = trainer.predict(data.select(range(VALIDATION_REVIEWS)))
    return float(np.mean(held_out.predictions.argmax(axis=1) == held_out.label_ids))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="runs of each candidate")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings.resolve("pytorch", assets="embedded", output_dir=folder)
    print("| rate | dropout | frozen layers | tokens | cut | reviews | accuracy of each seed |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for candidate in CANDIDATES:
        accuracies = ", ".join(f"{train(candidate, seed):.3f}" for seed in range(arguments.seeds))
        print(f"| {' | '.join(map(str, candidate))} | {accuracies} |", flush=True)


if __name__ == "__main__":
    main()
