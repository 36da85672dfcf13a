"""One run of lesson 01's recipe, in a process of its own; prints its figures as one line of JSON. The other scripts call it.

A recipe is a set of levers. None at all is what the guide says; ``kit`` is what the lesson comes to at the quick profile. Either
way the lesson's own cells run (``helpers/lessons.py``): a lever sets one or two of their values, or how the process is set up.
Every recipe fine-tunes the same checkpoint on the same reviews for one epoch, and is tested on the same test reviews.
"""

import argparse
import json
import os
import tempfile
import time
import warnings

from helpers import assets, lessons, process, recipe, results, settings

# What it is, and the values of the lesson that it sets.
LEVERS = {
    "tokens": ("the profile's number of tokens, and the end it cuts", ("max_length", "truncation_side")),
    "no dropout": ("no dropout, so that attention takes PyTorch's fused kernel", ("config_changes",)),
    "frozen": ("embeddings and the lowest layers frozen", ("frozen_layers",)),
    "rate": ("the checkpoint's own learning rate, with warm-up", ("learning_rate", "warmup_ratio")),
    "bf16": ("half precision, where the processor has it", ("precision",)),
    "memory": ("freed memory kept instead of handed back to the system", ()),
    "like length": ("batches of reviews of similar length", ("train_sampling_strategy",)),
    "oneDNN": ("Intel's oneDNN kernels, also on processors of others", ()),
}
ONLY = {"pytorch": {"like length"}, "tensorflow": {"oneDNN"}}


def levers_of(track: str) -> list[str]:
    """The names of the levers that ``track`` has."""
    (other,) = {name for name in settings.TRACKS if name != track}
    return [name for name in LEVERS if name not in ONLY[other]]


class Counter:
    """A collator that notes the shape of each batch it hands out: reviews, and tokens with their padding."""

    def __init__(self, collator):
        self.collator, self.shapes = collator, []

    def __call__(self, rows):
        batch = self.collator(rows)
        self.shapes.append(tuple(int(size) for size in batch["input_ids"].shape))
        return batch


class Clock:
    """Notes when training begins and each of its steps ends, and the shapes of their batches."""

    def __init__(self):
        self.times, self.counter = [], None

    def begin(self, *_, **__) -> None:
        self.times, self.counter.shapes = [], []
        self.start = time.perf_counter()

    def step(self, *_, **__) -> None:
        self.times.append(time.perf_counter() - self.start)

    def count(self, names: dict) -> None:
        names["data_collator"] = self.counter = Counter(names["data_collator"])

    def watch_pytorch(self, names: dict) -> None:
        from transformers import TrainerCallback

        events = {
            "on_train_begin": lambda _, *__, **___: self.begin(),
            "on_step_end": lambda _, *__, **___: self.step(),
        }
        names["trainer"].add_callback(type("Ticks", (TrainerCallback,), events))

    def watch_tensorflow(self, names: dict) -> None:
        keras = names["keras"]
        names["callbacks"][:] = [
            keras.callbacks.LambdaCallback(on_train_begin=self.begin, on_train_batch_end=self.step)
        ]


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


def run(track: str, values: dict, until: str | None = None) -> tuple[dict, Clock]:
    """Run the recipe with the guide's values, but for the embedded assets and ``values``; returns its names and the clock.

    Nothing is evaluated or saved while it trains.
    """
    here = {name: value for name, (value, _) in assets.values("embedded").items()}
    fixed = {name: here[name] for name in ("dataset", "checkpoint", "metric")}
    clock = Clock()

    def quiet(names: dict) -> None:
        arguments = names["training_args"]
        arguments.set_evaluate("no").set_save("no").set_logging("no")
        arguments.load_best_model_at_end, arguments.disable_tqdm = False, True

    with tempfile.TemporaryDirectory() as folder:
        after = {
            "num_epochs": lambda names: names.update(fixed | {"num_epochs": 1, "output_dir": folder} | values),
            "data_collator": clock.count,
            "training_args": quiet,
            "trainer": clock.watch_pytorch,
            "callbacks": clock.watch_tensorflow,
        }
        return lessons.run(track, {}, after, until), clock


def inference(track: str, names: dict, dataset, seed: int) -> dict:
    """Reviews per second: a pipeline that gets one review at a time, and the lesson's way for many reviews.

    ``single`` uses the model's own tokenizer, ``guide`` the guide's limit of 512 tokens. ``dataset`` holds texts.
    """
    import torch
    from transformers import AutoTokenizer, Trainer, TrainingArguments, pipeline

    model, tokenizer = names["model"], names["tokenizer"]

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
        "guide": one_at_a_time(AutoTokenizer.from_pretrained(names["checkpoint"], model_max_length=512)),
    }
    start = time.perf_counter()
    tokens = dataset.map(names["preprocess_function"], batched=True, keep_in_memory=True)
    tokens = tokens.map(lambda row: {"length": len(row["input_ids"])}, keep_in_memory=True).sort("length")
    tokens = tokens.remove_columns(["text", "length"])
    if track == "pytorch":
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, per_device_eval_batch_size=names["batch_size"], disable_tqdm=True,
                bf16_full_eval=names["precision"] == "bf16", use_cpu=not torch.accelerator.is_available(), seed=seed,
            )  # fmt: skip
            Trainer(model=model, args=arguments, data_collator=names["data_collator"]).predict(tokens)
    else:
        model.predict(
            tokens.to_tf_dataset(
                # With few looks at reviews of which most have one length, TensorFlow would take that length for fixed.
                columns=tokenizer.model_input_names, batch_size=names["batch_size"],
                collate_fn=names["data_collator"].collator, num_test_batches=200,
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
    if unknown := arguments.levers - {*LEVERS}:
        parser.error(f"unknown: {', '.join(unknown)}; the levers are {', '.join(LEVERS)}")
    return arguments


def main() -> None:
    arguments = command_line()
    track, levers = arguments.track, arguments.levers
    warnings.filterwarnings("ignore")
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1", "TQDM_DISABLE": "1"}
    if "oneDNN" not in levers:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "")  # as the system has it
    process.set_up(track, keep_memory="memory" in levers)
    device, name, precision = process.find(track, arguments.device)
    suited = recipe.suited(settings.Settings(track, arguments.profile, "embedded", device, "", name, precision))
    sizes = {"train_size": arguments.reviews or None, "validation_size": 1, "test_size": max(1, arguments.test_reviews)}
    values = sizes | {"seed": arguments.seed, "num_epochs": arguments.epochs}
    for lever in levers:
        values |= {name: suited[name][0] for name in LEVERS[lever][1] if name in suited}
    stop = {"pytorch": "trainer.save_model(", "tensorflow": "model.save_pretrained("}[track]
    names, clock = run(track, values, None if arguments.test_reviews else stop)
    times, shapes = clock.times, clock.counter.shapes[: len(clock.times)]
    # The first step warms up or compiles, and is no measure of the others, where there are others.
    first = 1 if len(times) > 1 else 0
    rest, seconds = shapes[first:], times[-1] - (times[0] if first else 0)
    work = operations(names["model"].config, rest, names["frozen_layers"])
    figures = {
        "seconds": times[-1],
        "reviews_per_s": sum(reviews for reviews, _ in shapes) / times[-1],
        "first_step_s": times[0],
        "steady_reviews_per_s": sum(reviews for reviews, _ in rest) / seconds,
        "steady_gflops": work / seconds / 1e9,
        "gflop_per_review": work / sum(reviews for reviews, _ in rest) / 1e9,
        "precision": names["precision"],
        "peak_rss_gb": results.peak_memory_gb(),
    }
    if arguments.test_reviews:
        figures["accuracy"] = float(names["model_accuracy"])
    if arguments.inference:
        from datasets import load_dataset

        texts = load_dataset(names["dataset"], split="test").shuffle(seed=arguments.seed)
        figures["inference"] = inference(track, names, texts.select(range(arguments.inference)), arguments.seed)
    print(f"\n{json.dumps(figures)}", flush=True)
    os._exit(0)  # Python's own end can hang: it frees a batch that TensorFlow is still making, and both wait


if __name__ == "__main__":
    main()
