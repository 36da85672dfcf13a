"""What keeps a run of ``model.fit`` safe and shows it, from outside: the lesson's own calls stay as they are."""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from helpers import hub, pictures, progress, resume
from helpers.settings import Settings
from helpers.tensorflow.weights import save_for_both_tracks


class BackupEachFifth(keras.callbacks.BackupAndRestore):
    """Keras' own backup, after each fifth of the steps, and what it leaves out: the reviews go on where they were.

    ``data`` is the whole training set, ``skip`` a variable: how many batches of the first epoch are done already.
    """

    def __init__(self, folder: Path, data: tf.data.Dataset, epochs: int):
        self.folder, self.data, self.total_steps = folder, data, epochs * int(data.cardinality())
        self.skip = tf.Variable(0, dtype=tf.int64)
        every = resume.steps_between(self.total_steps)
        super().__init__(str(folder / "checkpoints"), save_freq=every, delete_checkpoint=False)

    def rest(self) -> tf.data.Dataset:
        """The training set, without what an earlier run has done of its epoch; later epochs see all batches."""
        rest = self.data.enumerate().filter(lambda number, _: number >= self.skip).map(lambda _, batch: batch)
        return rest.apply(tf.data.experimental.assert_cardinality(int(self.data.cardinality())))

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        done = int(self.model.optimizer.iterations.numpy())  # under a strategy a variable has several copies
        epochs, steps = divmod(done, self.params["steps"])
        self.skip.assign(steps)
        for _ in range(epochs):  # each pass over a shuffled set has another order: leave out those that are done
            next(iter(self.data))
        if done:
            resume.say(done, self.total_steps, self.folder)

    def on_train_batch_end(self, batch, logs=None):
        # Not after the last step of an epoch: going on from there, Keras would leave out its evaluation.
        if batch + 1 < self.params["steps"]:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.skip.assign(0)


class DrawCurve(keras.callbacks.Callback):
    """Draws the losses and the accuracy while ``fit`` runs, and leaves its seconds in the history."""

    def __init__(self, total_steps: int):
        super().__init__()
        self.total_steps = total_steps

    def on_train_begin(self, logs=None):
        self.start = time.monotonic()
        self.running, self.validation, self.accuracies = [], {}, {}
        self.curve = pictures.TrainingCurve(self.total_steps)

    def on_train_batch_end(self, batch, logs=None):
        self.running.append(logs["loss"])
        self.draw()

    def on_epoch_end(self, epoch, logs=None):
        step = (epoch + 1) * self.params["steps"]
        self.validation |= {step: logs["val_loss"]} if "val_loss" in logs else {}
        self.accuracies |= {step: logs["accuracy"]} if "accuracy" in logs else {}
        self.draw(last=True)

    def on_train_end(self, logs=None):
        self.model.history.seconds = time.monotonic() - self.start

    def draw(self, last=False):
        every = max(1, round(self.total_steps * 0.03))
        first_step = int(self.model.optimizer.iterations.numpy()) - len(self.running)  # 0, unless it went on
        losses = window_means(self.running, self.params["steps"], every, first_step)
        self.curve.update(losses, self.validation, self.accuracies, last=last)


def watch(names: dict, run: Settings, texts=None, epochs: int | None = None) -> None:
    """From now on ``model.fit`` goes on from what a run that was cut short left, and draws its curve; saved models are whole.

    ``names`` are the notebook's ``globals()``: the lesson's ``model``, ``tf_train_set``, ``callbacks`` and ``output_dir``, and
    ``push_to_hub_callback`` if there is one. ``tf_train_set`` and ``callbacks`` are changed. ``texts`` (a tokenized ``Dataset``) and
    ``epochs`` are those of lesson 01 unless they are given. Call it after ``model.compile``. Raises ``TutorialError`` if the folder holds training states of other work.
    """
    model, data, folder = names["model"], names["tf_train_set"], Path(names["output_dir"])
    epochs = epochs or names["num_epochs"]
    weights = sum(weights.shape.num_elements() for weights in model.trainable_weights)
    texts = resume.texts_sha256(texts or names["tokenized_imdb"]["train"])
    run_is = (
        replace(run, reason=""),
        model.config._name_or_path,
        model.optimizer.get_config(),
        weights,
        epochs,
        int(data.cardinality()),
        texts,
    )
    resume.start(folder, *run_is)
    if not readable(folder / "checkpoints"):
        resume.forget(folder)
        resume.start(folder, *run_is)
    backup = BackupEachFifth(folder, data, epochs)
    names["tf_train_set"] = backup.rest()
    names["callbacks"] += [DrawCurve(epochs * int(data.cardinality())), backup]
    model.save_pretrained = partial(_save_whole, model)
    if push := names.get("push_to_hub_callback"):
        hub.guard(push)


def estimate(model, data: tf.data.Dataset, epochs: int) -> None:
    """Print how long training will take, from two passes of one batch of ``data``: a step takes about three."""
    batch, _ = next(iter(data))
    seconds = []
    for _ in range(2):
        start = time.monotonic()
        model(batch)
        seconds.append(time.monotonic() - start)
    progress.estimate(3 * min(seconds) * int(data.cardinality()) * epochs)


def _save_whole(model, folder, safe_serialization: bool = True) -> None:
    with resume.saving(Path(folder)) as temporary:
        save_for_both_tracks(model, temporary)


def window_means(running: list[float], epoch_steps: int, every: int, first_step: int = 0) -> dict[int, float]:
    """Turn Keras' running mean of the loss into means over windows of ``every`` steps.

    Keras starts its mean anew at each epoch of ``epoch_steps`` steps. ``first_step`` counts the steps before those in
    ``running``. Returns the mean of each window by its last step, counted from 1.
    """
    steps = first_step + np.arange(len(running))
    in_mean = steps - np.maximum(steps - steps % epoch_steps, first_step) + 1
    sums = np.asarray(running) * in_mean
    losses = np.where(in_mean > 1, np.diff(sums, prepend=0.0), sums)
    ends = range(every, len(losses) + 1, every)
    return {first_step + end: float(losses[end - every : end].mean()) for end in ends}


def readable(states: Path) -> bool:
    """Whether the last training state is whole, or none is there. Each tensor is read, which checks its sum."""
    last = tf.train.latest_checkpoint(states / "chief")
    if last is None:
        return True
    try:
        reader = tf.train.load_checkpoint(last)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except Exception:  # the reader raises whatever Python error is nearest, an IndexError for a short file
        return False
    return True
