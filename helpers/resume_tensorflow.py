"""Checkpoints of ``model.fit`` in the middle of an epoch, with Keras' own callback."""

import tensorflow as tf
import tf_keras as keras

from helpers import resume
from helpers.settings import Settings


class BackupEachFifth(keras.callbacks.BackupAndRestore):
    """Keras' backup, after each fifth of the steps; says so when ``fit`` goes on from one.

    ``skip`` is a variable: how many batches of the first epoch are done already (see ``prepare``).
    """

    def __init__(self, folder, total_steps, skip):
        self.folder, self.total_steps, self.skip = folder, total_steps, skip
        super().__init__(folder / "checkpoints", save_freq=resume.steps_between(total_steps), delete_checkpoint=False)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        done = int(self.model.optimizer.iterations)
        self.skip.assign(done % self.params["steps"])
        if done:
            resume.say(done, self.total_steps, self.folder)

    def on_train_batch_end(self, batch, logs=None):
        # Not after the last step of an epoch: going on from there, Keras would leave out its evaluation.
        if batch + 1 < self.params["steps"]:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.skip.assign(0)


def prepare(model: keras.Model, train_set: tf.data.Dataset, epochs: int, settings: Settings):
    """The callback that saves and goes on, and ``train_set`` without the batches that an earlier run has done.

    Later epochs see all batches. Call it after ``model.compile``.
    """
    steps = int(train_set.cardinality())
    folder = settings.output_dir
    weights = sum(weights.shape.num_elements() for weights in model.trainable_weights)
    if not readable(folder / "checkpoints"):
        resume.forget(folder)
    resume.keep_only(folder, settings, model.config._name_or_path, model.optimizer.get_config(), weights, epochs, steps)
    skip = tf.Variable(0, dtype=tf.int64)
    rest = train_set.enumerate().filter(lambda number, _: number >= skip).map(lambda _, batch: batch)
    return BackupEachFifth(folder, epochs * steps, skip), rest.apply(tf.data.experimental.assert_cardinality(steps))


def readable(checkpoints) -> bool:
    """Whether the last checkpoint is whole, or none is there. Each tensor is read, which checks its sum."""
    last = tf.train.latest_checkpoint(checkpoints / "chief")
    if last is None:
        return True
    try:
        reader = tf.train.load_checkpoint(last)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except Exception:  # the reader raises whatever Python error is nearest, an IndexError for a short file
        return False
    return True
