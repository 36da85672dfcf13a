"""One run of one recipe, in a process of its own; prints its figures as one line of JSON. The other scripts call it.

A recipe is a set of levers. None at all is what the guide prints; ``kit`` is what lesson 01 does. Every recipe fine-tunes
the same checkpoint on the same reviews for one epoch, and is tested on the same test reviews.
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from dataclasses import dataclass

import numpy as np

from helpers import assets, results, settings
from helpers import device as process

BATCH = 16
GUIDE_MAX_TOKENS = 512
GUIDE_RATE = 2e-5

# What the lesson does. The learning rate changes no time, but belongs to the recipe.
LEVERS = {
    "tokens": "the profile's number of tokens, and the end it cuts",
    "no dropout": "no dropout, so that attention takes PyTorch's fused kernel",
    "frozen": "embeddings and the lowest layers frozen",
    "rate": "the checkpoint's own learning rate, with warm-up",
    "bf16": "half precision, where the processor has it",
    "memory": "freed memory kept instead of handed back to the system",
    "like length": "batches of reviews of like length",
    "oneDNN": "Intel's oneDNN kernels, also on processors of others",
}
# What it could do, and does not.
TRIED = {
    "multiple": "batches padded to a multiple of 32 tokens",
    "budget": "batches of as many tokens, not of as many reviews",
    "batch 32": "twice the reviews a step",
    "plain AdamW": "AdamW without its fused kernel, which is PyTorch's default",
    "compile": "torch.compile, or XLA with all batches padded to one length",
    "one thread": "one thread instead of one for each core",
}
ONLY = {"pytorch": {"like length", "budget", "plain AdamW"}, "tensorflow": {"oneDNN"}}


def levers_of(track: str, levers: dict) -> list[str]:
    """The names of ``levers`` that ``track`` has."""
    (other,) = {name for name in settings.TRACKS if name != track}
    return [name for name in levers if name not in ONLY[other]]


class Counter:
    """A collator that notes the shape of each batch it hands out: reviews, and tokens with their padding."""

    def __init__(self, collator):
        self.collator, self.shapes = collator, []

    def __call__(self, rows):
        batch = self.collator(rows)
        self.shapes.append(tuple(int(size) for size in batch["input_ids"].shape))
        return batch


@dataclass(frozen=True)
class Run:
    """What a recipe works with. ``precision`` is ``"fp32"``, ``"bf16"`` or ``"fp16"``."""

    levers: frozenset
    source: assets.Assets
    tokenizer: object
    data: dict
    seed: int
    precision: str = "fp32"
    device: str = "cpu"
    epochs: int = 1

    @property
    def batch_size(self) -> int:
        return min(2 * BATCH if "batch 32" in self.levers else BATCH, len(self.data["train"]))

    @property
    def options(self) -> dict:
        return self.source.options if "no dropout" in self.levers else {}

    @property
    def frozen_layers(self) -> int:
        return self.source.frozen_layers if "frozen" in self.levers else 0

    @property
    def rate(self) -> float:
        return self.source.learning_rate if "rate" in self.levers else GUIDE_RATE

    @property
    def warmup_steps(self) -> float:
        return self.source.warmup_steps if "rate" in self.levers else 0

    def collator(self, tensors: str):
        from transformers import DataCollatorWithPadding

        options = {"pad_to_multiple_of": 32} if "multiple" in self.levers else {}
        if "compile" in self.levers and tensors == "tf":
            options = {"padding": "max_length", "max_length": self.tokenizer.model_max_length}
        return DataCollatorWithPadding(self.tokenizer, return_tensors=tensors, **options)


def operations(config, shapes: list[tuple], frozen_layers: int) -> float:
    """Floating-point operations of training on batches of these shapes; a multiplication and an addition are two.

    Per token and layer, forward: 2 (4 d² + 2 d f) for the matrices, with d the hidden and f the inner size, and 4 d L for
    the two products of attention over L tokens (Kaplan et al., Scaling Laws for Neural Language Models, 2020, table 1;
    there attention looks back only). Backward is twice that. Frozen layers at the bottom only go forward.
    """
    d, f = config.hidden_size, config.intermediate_size
    tokens = sum(reviews * length for reviews, length in shapes)
    pairs = sum(reviews * length * length for reviews, length in shapes)
    layer = 2 * (4 * d * d + 2 * d * f) * tokens + 4 * d * pairs
    return layer * (config.num_hidden_layers * 3 - frozen_layers * 2)


def pytorch(run: Run) -> dict:
    """Train and test with the calls of the PyTorch lesson; returns accuracy, model, times in s and shapes of the steps."""
    import torch
    from transformers import AutoModelForSequenceClassification, Trainer, TrainerCallback, TrainingArguments

    if "one thread" in run.levers:
        torch.set_num_threads(1)
    model = AutoModelForSequenceClassification.from_pretrained(run.source.checkpoint, num_labels=2, **run.options)
    if run.frozen_layers:
        model.base_model.embeddings.requires_grad_(False)
        model.base_model.encoder.layer[: run.frozen_layers].requires_grad_(False)
    counter, times = Counter(run.collator("pt")), []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            times.append(time.perf_counter())

    class TokenBudget(Trainer):
        """Batches of reviews of like length, each of about as many tokens as 16 average reviews have."""

        def get_train_dataloader(self):
            lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
            budget, batches = BATCH * np.mean(lengths), [[]]
            for index in np.argsort(lengths):
                if (len(batches[-1]) + 1) * lengths[index] > budget and batches[-1]:
                    batches.append([])
                batches[-1].append(int(index))
            np.random.default_rng(run.seed).shuffle(batches)
            return torch.utils.data.DataLoader(self.train_dataset, batch_sampler=batches, collate_fn=counter)

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            learning_rate=run.rate,
            warmup_steps=run.warmup_steps,
            per_device_train_batch_size=run.batch_size,
            per_device_eval_batch_size=BATCH,
            num_train_epochs=run.epochs,
            weight_decay=0.01,
            save_strategy="no",
            seed=run.seed,
            disable_tqdm=True,
            logging_strategy="no",
            dataloader_pin_memory=run.device == "gpu",
            use_cpu=run.device == "cpu",
            bf16=run.precision == "bf16",
            fp16=run.precision == "fp16",
            torch_compile="compile" in run.levers,
            **({"optim": "adamw_torch"} if "plain AdamW" in run.levers else {}),
            train_sampling_strategy="group_by_length" if "like length" in run.levers else "random",
        )
        trainer = (TokenBudget if "budget" in run.levers else Trainer)(
            model=model, args=arguments, train_dataset=run.data["train"], data_collator=counter, callbacks=[Clock()]
        )
        start = time.perf_counter()
        trainer.train()
        end, shapes = time.perf_counter(), list(counter.shapes)
        figures = {"seconds": end - start, "steps": [time - start for time in times], "shapes": shapes, "model": model}
        if len(run.data["test"]):
            answers = trainer.predict(run.data["test"])
            figures["accuracy"] = float(np.mean(answers.predictions.argmax(axis=1) == answers.label_ids))
    return figures


def tensorflow(run: Run) -> dict:
    """As ``pytorch``, with the calls of the TensorFlow lesson."""
    import tensorflow as tf
    import tf_keras as keras
    from transformers import TFAutoModelForSequenceClassification, create_optimizer

    if "one thread" in run.levers:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    if run.precision != "fp32":
        keras.mixed_precision.set_global_policy({"bf16": "mixed_bfloat16", "fp16": "mixed_float16"}[run.precision])
    model = TFAutoModelForSequenceClassification.from_pretrained(run.source.checkpoint, num_labels=2, **run.options)
    if run.frozen_layers:
        encoder = getattr(model, model.base_model_prefix)
        for layer in [encoder.embeddings, *encoder.encoder.layer[: run.frozen_layers]]:
            layer.trainable = False
    steps = len(run.data["train"]) // run.batch_size * run.epochs
    optimizer, _ = create_optimizer(
        init_lr=run.rate, num_warmup_steps=int(run.warmup_steps * steps), num_train_steps=steps
    )
    collator = run.collator("tf")
    counter, times = Counter(collator), []
    train = model.prepare_tf_dataset(
        run.data["train"], shuffle=True, batch_size=run.batch_size, collate_fn=counter, drop_remainder=True
    )
    model.compile(optimizer=optimizer, jit_compile="compile" in run.levers)
    counter.shapes.clear()  # making the dataset asks for a batch or two
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_: times.append(time.perf_counter()))
    start = time.perf_counter()
    model.fit(train, epochs=run.epochs, verbose=0, callbacks=[clock])
    end, shapes = time.perf_counter(), list(counter.shapes)
    figures = {"seconds": end - start, "steps": [time - start for time in times], "shapes": shapes, "model": model}
    if len(run.data["test"]):
        test = model.prepare_tf_dataset(run.data["test"], shuffle=False, batch_size=BATCH, collate_fn=collator)
        logits = model.predict(test, verbose=0).logits
        figures["accuracy"] = float(np.mean(logits.argmax(axis=1) == np.asarray(run.data["test"]["label"])))
    return figures


def inference(track: str, model, tokenizer, dataset, seed: int) -> dict:
    """Reviews per second: a pipeline that gets one review at a time, and the lesson's way for many reviews.

    ``single`` uses the model's own tokenizer, ``guide`` the guide's limit of 512 tokens. ``dataset`` holds texts.
    """
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments, pipeline

    def one_at_a_time(tokenizer) -> float:
        classifier = pipeline("sentiment-analysis", model=model, tokenizer=tokenizer)
        some = list(dataset["text"])[: max(8, len(dataset) // 40)]
        classifier(some[0], truncation=True)  # the first call is slower
        start = time.perf_counter()
        for text in some:
            classifier(text, truncation=True)
        return len(some) / (time.perf_counter() - start)

    figures = {
        "single": one_at_a_time(tokenizer),
        "guide": one_at_a_time(AutoTokenizer.from_pretrained(tokenizer.name_or_path, model_max_length=512)),
    }
    start = time.perf_counter()
    tokens = dataset.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True, keep_in_memory=True)
    tokens = tokens.map(lambda row: {"length": len(row["input_ids"])}, keep_in_memory=True).sort("length")
    tokens = tokens.remove_columns(["text", "length"])
    if track == "pytorch":
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, per_device_eval_batch_size=BATCH, disable_tqdm=True,
                bf16_full_eval=process.cpu_precision() == "bf16", dataloader_pin_memory=False, seed=seed,
                use_cpu=model.device.type == "cpu",
            )  # fmt: skip
            Trainer(model=model, args=arguments, data_collator=DataCollatorWithPadding(tokenizer)).predict(tokens)
    else:
        collator = DataCollatorWithPadding(tokenizer, return_tensors="tf")
        model.predict(
            tokens.to_tf_dataset(
                # With few looks at reviews of which most have one length, TensorFlow would take that length for fixed.
                columns=tokenizer.model_input_names, batch_size=BATCH, collate_fn=collator, num_test_batches=200,
            ),
            verbose=0,
        )  # fmt: skip
    return figures | {"batched": len(dataset) / (time.perf_counter() - start)}


def command_line() -> argparse.Namespace:
    """The arguments; ``levers`` becomes a set of names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--track", choices=settings.TRACKS, required=True)
    parser.add_argument("--levers", default="", help="kit, or names of levers with commas between them")
    parser.add_argument("--profile", choices=settings.PROFILES, default="quick", help="whose tokens lever and epochs")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--reviews", type=int, required=True, help="training reviews; 0 for all there are")
    parser.add_argument("--test-reviews", type=int, default=0)
    parser.add_argument("--inference", type=int, default=0, help="reviews to classify when training is over")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    levers = frozenset(filter(None, arguments.levers.split(",")))
    arguments.levers = frozenset(LEVERS) if levers == {"kit"} else levers
    if unknown := arguments.levers - {*LEVERS, *TRIED}:
        parser.error(f"unknown: {', '.join(unknown)}; the levers are {', '.join([*LEVERS, *TRIED])}")
    return arguments


def main() -> None:
    arguments = command_line()
    track, levers = arguments.track, arguments.levers
    warnings.filterwarnings("ignore")
    if arguments.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a pipeline and TensorFlow would take a GPU unasked
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}
    if "oneDNN" in levers:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    if "memory" in levers:
        process.keep_freed_memory()
    precision = "fp32"
    if "bf16" in levers:
        precision = process.find(track, "gpu")[2] if arguments.device == "gpu" else process.cpu_precision()
    source, profile = assets.embedded("a benchmark asks for them"), settings.PROFILES[arguments.profile]

    from datasets import load_dataset
    from transformers import AutoTokenizer, set_seed

    kept = {"model_max_length": GUIDE_MAX_TOKENS, "truncation_side": "right"}
    if "tokens" in levers:
        kept = {"model_max_length": profile.max_tokens, "truncation_side": profile.truncation_side}
    tokenizer = AutoTokenizer.from_pretrained(source.checkpoint, **kept)
    set_seed(arguments.seed)
    whole = load_dataset(source.dataset)
    for size, split in ((arguments.reviews, "train"), (arguments.test_reviews, "test"), (arguments.inference, "test")):
        if size > len(whole[split]):
            raise SystemExit(f"{size:,} reviews are more than the {len(whole[split]):,} of the {split} split")
    data = {
        split: whole[split].shuffle(seed=arguments.seed).select(range(size or len(whole[split]) * (split == "train")))
        for split, size in {"train": arguments.reviews, "test": arguments.test_reviews}.items()
    }
    tokenized = {
        split: part.map(
            lambda rows: tokenizer(rows["text"], truncation=True), batched=True, keep_in_memory=True
        ).remove_columns("text")
        for split, part in data.items()
    }
    run = Run(levers, source, tokenizer, tokenized, arguments.seed, precision, arguments.device, arguments.epochs)
    figures = {"pytorch": pytorch, "tensorflow": tensorflow}[track](run)
    model, shapes, times = (figures.pop(name) for name in ("model", "shapes", "steps"))
    # The first step warms up or compiles, and is no measure of the others, where there are others.
    first = 1 if len(times) > 1 else 0
    rest, seconds = shapes[first : len(times)], times[-1] - (times[0] if first else 0)
    work = operations(model.config, rest, run.frozen_layers)
    figures |= {
        "reviews_per_s": sum(reviews for reviews, _ in shapes[: len(times)]) / figures["seconds"],
        "first_step_s": times[0],
        "steady_reviews_per_s": sum(reviews for reviews, _ in rest) / seconds,
        "steady_gflops": work / seconds / 1e9,
        "gflop_per_review": work / sum(reviews for reviews, _ in rest) / 1e9,
        "precision": precision,
        "peak_rss_gb": results.peak_memory_gb(),
    }
    if arguments.inference:
        texts = whole["test"].shuffle(seed=arguments.seed).select(range(arguments.inference))
        figures["inference"] = inference(track, model, tokenizer, texts, arguments.seed)
    print(json.dumps(figures), flush=True)
    os._exit(0)  # Python's own end can hang: it frees a batch that TensorFlow is still making, and both wait


if __name__ == "__main__":
    main()
