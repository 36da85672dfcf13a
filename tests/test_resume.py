"""A run that was cut short: what is deleted and what is not, which run it is, and which reviews come next."""

import json
import re
import subprocess

import datasets
import numpy as np
import pytest

from helpers import TutorialError, environments, results, resume


def tokens(rows, labels=(0, 1)):
    return datasets.Dataset.from_dict({"input_ids": rows, "label": list(labels), "text": ["a", "b"]})


def test_nothing_is_deleted_that_the_kit_did_not_make(tmp_path):
    """A learner's folder of other work, chosen by mistake: one sentence, and all of it is still there."""
    for name in ("checkpoint-5", "checkpoints"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "work.bin").write_text("a week of training")
        with pytest.raises(
            TutorialError, match=rf"holds {name}, which this lesson did not make .* set output_dir to another"
        ):
            resume.start(tmp_path, "a run")
        resume.forget(tmp_path)
        with resume.saving(tmp_path) as folder:
            folder.mkdir()
            (folder / "model.safetensors").touch()
        assert (tmp_path / name / "work.bin").read_text() == "a week of training"
        (tmp_path / name / "work.bin").unlink()
        (tmp_path / name).rmdir()


def test_what_another_run_of_the_kit_left_is_deleted(tmp_path):
    resume.start(tmp_path, "a run")
    (tmp_path / "checkpoint-5").mkdir()
    resume.start(tmp_path, "a run")
    assert resume.states(tmp_path) == [tmp_path / "checkpoint-5"]
    resume.start(tmp_path, "another run")
    assert resume.states(tmp_path) == []
    (tmp_path / "checkpoints").mkdir()
    resume.forget(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_reviews_are_another_run():
    """As many of them, of the same length, under the same settings."""
    one = resume.texts_sha256(tokens([[1, 2], [3]]))
    assert one == resume.texts_sha256(tokens([[1, 2], [3]]))
    assert one == resume.texts_sha256(tokens([[3], [1, 2]], (1, 0)).select([1, 0]))
    for other in (tokens([[1, 3], [3]]), tokens([[3], [1, 2]]), tokens([[1, 2], [3]], (1, 1)), tokens([[1], [2, 3]])):
        assert resume.texts_sha256(other) != one


GO_ON = """
import json, os, sys
from pathlib import Path
from helpers import process
process.set_up("tensorflow")
process.find("tensorflow", "cpu")
import tensorflow as tf, tf_keras as keras
from helpers.tensorflow.training import BackupEachFifth
folder, stop = Path(sys.argv[1]), int(sys.argv[2])
keras.utils.set_random_seed(7)
seen = []
def note(batch):
    seen.append(batch.numpy().tolist())
    return batch
data = tf.data.Dataset.range(40).shuffle(40).batch(4)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.0), "mse")
backup = BackupEachFifth(folder, data, 3)
def pair(batch):
    batch = tf.ensure_shape(tf.py_function(note, [batch], tf.int64), [None])
    return tf.cast(batch[:, None], tf.float32), tf.cast(batch, tf.float32)
class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == stop:
            print(json.dumps(seen[:stop]), flush=True)
            os._exit(0)
model.fit(backup.rest().map(pair), epochs=3, verbose=0, callbacks=[backup, Stop()])
print(json.dumps(seen))
"""


@pytest.mark.parametrize("track", ["tensorflow"])
@pytest.mark.parametrize(
    "stop", [14, pytest.param(8, marks=pytest.mark.slow), pytest.param(27, marks=pytest.mark.slow)]
)
def test_the_reviews_go_on_where_they_were(track, tmp_path, stop):
    """Stopped in epoch 1, 2 or 3 of 10 batches each: the batches behind the last training state are those of an undisturbed run."""

    def run(folder, stop):
        command = [environments.python(track), "-c", GO_ON, tmp_path / folder, str(stop)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return [line for line in done.stdout.splitlines() if line]

    whole = json.loads(run("undisturbed", -1)[-1])
    assert len(whole) == 30 and whole[:10] != whole[10:20]
    run("stopped", stop)
    said, rest = run("stopped", -1)
    saved = int(said.split("after step ")[1].split()[0])
    assert stop - 6 <= saved <= stop
    assert json.loads(rest) == whole[saved:]


MIRRORED = """
import os, sys
from pathlib import Path
from helpers import process
process.set_up("tensorflow")
process.find("tensorflow", "cpu")
import numpy as np, tensorflow as tf, tf_keras as keras
from datasets import Dataset
from transformers import BertConfig, TFBertForSequenceClassification, create_optimizer
from helpers.tensorflow.training import BackupEachFifth, DrawCurve
folder, stop = Path(sys.argv[1]), int(sys.argv[2])
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
keras.utils.set_random_seed(7)
texts = Dataset.from_dict({"input_ids": [[n % 7, n % 5, 3] for n in range(40)], "label": [n % 2 for n in range(40)]})
with strategy.scope():
    small = dict(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    model = TFBertForSequenceClassification(BertConfig(**small, hidden_dropout_prob=0, attention_probs_dropout_prob=0))
    model.build()
    model.compile(create_optimizer(init_lr=0.01, num_train_steps=30, num_warmup_steps=0)[0])
data = model.prepare_tf_dataset(texts, shuffle=True, batch_size=4)
backup = BackupEachFifth(folder, data, 3)
class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == stop:
            os._exit(0)
model.fit(backup.rest(), epochs=3, verbose=0, callbacks=[DrawCurve(30), backup, Stop()])
np.savez(folder / "weights.npz", *model.get_weights())
"""


@pytest.mark.parametrize("track", ["tensorflow"])
def test_a_run_on_two_devices_goes_on_to_the_same_weights(track, tmp_path):
    def run(folder, stop):
        command = [environments.python(track), "-c", MIRRORED, tmp_path / folder, str(stop)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    run("undisturbed", -1)
    run("stopped", 14)
    assert 8 <= int(re.search(r"going on after step (\d+) of 30", run("stopped", -1))[1]) <= 14
    whole, rest = (np.load(tmp_path / folder / "weights.npz") for folder in ("undisturbed", "stopped"))
    assert max(abs(whole[name] - rest[name]).max() for name in whole) < 1e-5


def test_a_run_is_told_by_all_that_it_is_made_of(tmp_path):
    """Also by what JSON does not know, and whatever the order of a dictionary."""
    folder = tmp_path / "not" / "there"
    resume.start(folder, {"a": 1, "b": 2}, folder)
    (folder / "checkpoint-5").mkdir()
    resume.start(folder, {"b": 2, "a": 1}, folder)
    assert resume.states(folder) == [folder / "checkpoint-5"]
    resume.start(folder, {"b": 2, "a": 1}, tmp_path)
    assert resume.states(folder) == []


def test_a_file_that_looks_like_a_training_state_is_none(tmp_path):
    (tmp_path / "checkpoint-notes.txt").touch()
    (tmp_path / "checkpoints").touch()
    assert resume.states(tmp_path) == []


@pytest.mark.parametrize(("steps", "between"), [(150, 30), (20, 4), (21, 5), (4, 1), (1, 1), (0, 1)])
def test_a_training_state_after_each_fifth(steps, between):
    assert resume.steps_between(steps) == between


def test_going_on_is_said(tmp_path, capsys):
    resume.say(30, 150, tmp_path / "my_model")
    said = "An earlier run was cut short: going on after step 30 of 150. To start anew, delete my_model.\n"
    assert capsys.readouterr().out == said


def test_a_model_is_moved_when_it_is_whole(tmp_path):
    (tmp_path / "model.safetensors").write_text("earlier")
    (tmp_path / results.FILE).write_text("what was noted about it")
    with pytest.raises(OSError, match="full"), resume.saving(tmp_path) as folder:
        folder.mkdir()
        (folder / "model.safetensors").write_text("half")
        raise OSError("full")
    assert sorted(path.name for path in tmp_path.iterdir()) == [results.FILE, "model.safetensors"]
    assert (tmp_path / "model.safetensors").read_text() == "earlier"
    resume.start(tmp_path, "a run")
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / resume.TEMPORARY).mkdir()
    (tmp_path / resume.TEMPORARY / "left over").touch()
    with resume.saving(tmp_path) as folder:
        folder.mkdir()
        (folder / "model.safetensors").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    assert (tmp_path / "model.safetensors").read_text() == "new"
