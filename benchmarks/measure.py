"""One run of one recipe, in a process of its own; prints its figures as one line of JSON. ``make bench`` calls it.

``guide``: the settings that the guide prints. ``kit``: those of lesson 01 at the quick profile. Both fine-tune the embedded
checkpoint on the same reviews for one epoch, and are tested on the same test reviews.
"""

import argparse
import json
import resource
import tempfile
import time

import numpy as np
import psutil

from helpers import assets, settings

BATCH = 16
GUIDE_MAX_TOKENS = 512
GUIDE_RATE = 2e-5


class Counter:
    """A collator that counts what it hands out: tokens, and tokens times the length of their batch, padding included."""

    def __init__(self, collator):
        self.collator, self.tokens, self.pairs = collator, 0, 0

    def __call__(self, rows):
        batch = self.collator(rows)
        reviews, length = batch["input_ids"].shape
        self.tokens += int(reviews * length)
        self.pairs += int(reviews * length * length)
        return batch


def operations(config, tokens: int, pairs: int, frozen_layers: int) -> float:
    """Floating-point operations of a training epoch; a multiplication and an addition are two.

    Per token and layer, forward: 2 (4 d² + 2 d f) for the matrices, with d the hidden and f the inner size, and 4 d L for
    the two products of attention over L tokens (Kaplan et al., Scaling Laws for Neural Language Models, 2020, table 1;
    there attention looks back only). Backward is twice that. Frozen layers at the bottom only go forward.
    """
    d, f = config.hidden_size, config.intermediate_size
    layer = 2 * (4 * d * d + 2 * d * f) * tokens + 4 * d * pairs
    return layer * (config.num_hidden_layers * 3 - frozen_layers * 2)


def pytorch(recipe, source, tokenizer, data, seed) -> dict:
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainingArguments

    kit = recipe == "kit"
    options = source.options if kit else {}
    model = AutoModelForSequenceClassification.from_pretrained(source.checkpoint, num_labels=2, **options)
    if kit:
        model.base_model.embeddings.requires_grad_(False)
        model.base_model.encoder.layer[: source.frozen_layers].requires_grad_(False)
    counter = Counter(DataCollatorWithPadding(tokenizer))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            learning_rate=source.learning_rate if kit else GUIDE_RATE,
            warmup_ratio=source.warmup_ratio if kit else 0.0,
            per_device_train_batch_size=BATCH,
            per_device_eval_batch_size=BATCH,
            num_train_epochs=1,
            weight_decay=0.01,
            save_strategy="no",
            report_to="none",
            seed=seed,
            disable_tqdm=True,
            logging_strategy="no",
            dataloader_pin_memory=False,
            **(settings.batches_of_like_length() if kit else {}),
        )
        trainer = Trainer(model=model, args=arguments, train_dataset=data["train"], data_collator=counter)
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
        done = operations(model.config, counter.tokens, counter.pairs, source.frozen_layers if kit else 0)
        answers = trainer.predict(data["test"])
    accuracy = float(np.mean(answers.predictions.argmax(axis=1) == answers.label_ids))
    return {"seconds": seconds, "operations": done, "accuracy": accuracy, "model": model}


def tensorflow(recipe, source, tokenizer, data, seed) -> dict:
    from transformers import DataCollatorWithPadding, TFAutoModelForSequenceClassification, create_optimizer

    kit = recipe == "kit"
    options = source.options if kit else {}
    model = TFAutoModelForSequenceClassification.from_pretrained(source.checkpoint, num_labels=2, **options)
    if kit:
        encoder = getattr(model, model.base_model_prefix)
        for layer in [encoder.embeddings, *encoder.encoder.layer[: source.frozen_layers]]:
            layer.trainable = False
    steps = len(data["train"]) // BATCH
    optimizer, _ = create_optimizer(
        init_lr=source.learning_rate if kit else GUIDE_RATE,
        num_warmup_steps=int(source.warmup_ratio * steps) if kit else 0,
        num_train_steps=steps,
    )
    collator = DataCollatorWithPadding(tokenizer, return_tensors="tf")
    counter = Counter(collator)
    train = model.prepare_tf_dataset(data["train"], shuffle=True, batch_size=BATCH, collate_fn=counter)
    test = model.prepare_tf_dataset(data["test"], shuffle=False, batch_size=BATCH, collate_fn=collator)
    model.compile(optimizer=optimizer)
    counter.tokens = counter.pairs = 0  # making the dataset asks for a batch or two
    start = time.perf_counter()
    model.fit(train, epochs=1, verbose=0)
    seconds = time.perf_counter() - start
    done = operations(model.config, counter.tokens, counter.pairs, source.frozen_layers if kit else 0)
    logits = model.predict(test, verbose=0).logits
    accuracy = float(np.mean(logits.argmax(axis=1) == np.asarray(data["test"]["label"])))
    return {"seconds": seconds, "operations": done, "accuracy": accuracy, "model": model}


def inference(model, tokenizer, texts: list[str]) -> dict:
    """Reviews per second through a pipeline, one review at a time and in batches of like length."""
    from transformers import pipeline

    classifier = pipeline("sentiment-analysis", model=model, tokenizer=tokenizer)
    by_length = sorted(texts, key=len)
    classifier(by_length[-1], truncation=True)  # the first call is slower
    some = texts[: max(1, len(texts) // 10)]
    start = time.perf_counter()
    for text in some:
        classifier(text, truncation=True)
    single = len(some) / (time.perf_counter() - start)
    start = time.perf_counter()
    classifier(by_length, truncation=True, batch_size=BATCH)
    return {"single": single, "batched": len(texts) / (time.perf_counter() - start)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--track", choices=settings.TRACKS, required=True)
    parser.add_argument("--recipe", choices=("guide", "kit"), required=True)
    parser.add_argument("--reviews", type=int, required=True)
    parser.add_argument("--test-reviews", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    kit = arguments.recipe == "kit"
    with tempfile.TemporaryDirectory() as folder:
        tutorial = settings.resolve(
            arguments.track, profile="quick", assets="embedded", device="cpu", output_dir=folder
        )
    source = assets.resolve(tutorial)
    from transformers import AutoTokenizer, set_seed

    tokenizer = AutoTokenizer.from_pretrained(
        source.checkpoint,
        model_max_length=tutorial.profile.max_tokens if kit else GUIDE_MAX_TOKENS,
        truncation_side=tutorial.profile.truncation_side if kit else "right",
    )
    startup = time.time() - psutil.Process().create_time()
    from datasets import load_dataset

    set_seed(arguments.seed)
    data = load_dataset(source.dataset)
    for split, size in {"train": arguments.reviews, "test": arguments.test_reviews}.items():
        data[split] = data[split].shuffle(seed=arguments.seed).select(range(size))
    texts = list(data["test"]["text"])
    data = data.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True, keep_in_memory=True)
    figures = {"pytorch": pytorch, "tensorflow": tensorflow}[arguments.track](
        arguments.recipe, source, tokenizer, data, arguments.seed
    )
    model = figures.pop("model")
    figures |= {
        "reviews_per_s": arguments.reviews / figures["seconds"],
        "gflops": figures["operations"] / figures["seconds"] / 1e9,
        "startup_s": startup,
        "peak_rss_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,  # Linux counts in KB
    }
    if kit:
        figures["inference"] = inference(model, tokenizer, texts)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
