"""Intervals, calibration and the pushes of words, against figures worked out another way."""

import os
import subprocess

import numpy as np
import pytest

from helpers import environments, measures
from helpers.words import by_word


def test_interval_against_wilsons_formula():
    """Wilson 1927, equation for the interval, with z = 1.959964; 8 of 10."""
    z, n, p = 1.959964, 10, 0.8
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert measures.interval(8, 10) == pytest.approx((0.8, middle - half, middle + half), abs=1e-6)
    with pytest.raises((ValueError, ZeroDivisionError)):
        measures.interval(1, 0)


def test_calibration_by_hand():
    table = measures.calibration([0.5, 0.54, 0.91, 0.93, 1.0], [1, 0, 1, 1, 0], bins=5)
    assert table["reviews"].tolist() == [2, 3]
    assert table["accuracy"].tolist() == pytest.approx([0.5, 2 / 3])
    assert table["confidence"].tolist() == pytest.approx([0.52, 0.9466667])
    assert measures.expected_calibration_error(table) == pytest.approx(0.4 * 0.02 + 0.6 * (0.9466667 - 2 / 3))


def test_a_calibrated_model_has_a_small_error_and_a_boaster_a_large_one():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 20_000)
    correct = random.random(20_000) < confidence
    error = measures.expected_calibration_error
    assert error(measures.calibration(confidence, correct)) < 0.02
    assert error(measures.calibration(np.full(20_000, 0.99), correct)) > 0.2


def test_pieces_without_a_space_between_them_are_one_word():
    # "[CLS] don ' t go [SEP]"
    offsets = [(0, 0), (0, 3), (3, 4), (4, 5), (6, 8), (0, 0)]
    assert by_word(offsets, [9, 1, 2, 3, -1, 9]) == [(0, 5, 6.0), (6, 8, -1.0)]


# difference(way) gives the logits' difference for vectors of tokens, an array of shape (tokens, width).
LOGITS = {
    "pytorch": """
import torch
from transformers import AutoModelForSequenceClassification as Model
from helpers.words_pytorch import word_pushes
model = Model.from_pretrained(source.checkpoint, num_labels=2).double().eval()
table = model.get_input_embeddings().weight.detach().numpy()
def difference(way):
    with torch.no_grad():
        logits = model(inputs_embeds=torch.tensor(way)[None]).logits[0]
    return float(logits[1] - logits[0])
step, tolerance = 1e-4, 1e-4
""",
    "tensorflow": """
import tensorflow as tf
from transformers import TFAutoModelForSequenceClassification as Model
from helpers.words_tensorflow import word_pushes
model = Model.from_pretrained(source.checkpoint, num_labels=2)
table = model.get_input_embeddings().weight.numpy()
def difference(way):
    logits = model({"inputs_embeds": tf.constant(way, tf.float32)[None]}).logits[0]
    return float(logits[1] - logits[0])
step, tolerance = 1e-2, 2e-2
""",
}
COMPARE = """
import sys
import numpy as np
from helpers import assets, device
device.find(TRACK, "cpu")
from transformers import AutoTokenizer, set_seed
from helpers.words import STEPS
set_seed(1)
source = assets.embedded("a test")
tokenizer = AutoTokenizer.from_pretrained(source.checkpoint)
review = "Not a masterpiece, but it doesn't bore."
SETUP
found = word_pushes(model, tokenizer, review)
encoded = tokenizer(review, return_offsets_mapping=True)
offsets, ids = np.array(encoded["offset_mapping"]), np.array(encoded["input_ids"])
inside = offsets[:, 0] != offsets[:, 1]
vectors, blank = table[ids], table[np.where(inside, tokenizer.mask_token_id, ids)]
largest = max(abs(push) for *_, push in found)
for start, end, push in found:
    word = inside & (offsets[:, 0] >= start) & (offsets[:, 1] <= end)
    change = np.where(word[:, None], vectors - blank, 0)
    slopes = []
    for point in (np.arange(STEPS) + 0.5) / STEPS:
        way = blank + point * (vectors - blank)
        slopes.append((difference(way + step * change) - difference(way - step * change)) / (2 * step))
    assert abs(np.mean(slopes) - push) < tolerance * largest, (review[start:end], push, np.mean(slopes))
module = sys.modules[word_pushes.__module__]
module.STEPS = 256
total, added = difference(vectors) - difference(blank), sum(push for *_, push in word_pushes(model, tokenizer, review))
assert abs(total - added) < 0.02 * largest, (total, added)
print([review[start:end] for start, end, _ in found])
"""


@pytest.mark.parametrize("track", LOGITS)
def test_word_pushes_agree_with_a_finite_difference(track):
    """Move a word's vectors by a little, at each point of the way: the mean slope is the push, and with many points the pushes add up."""
    script = COMPARE.replace("TRACK", repr(track)).replace("SETUP", LOGITS[track])
    run = subprocess.run([environments.python(track), "-c", script], capture_output=True, text=True, env=os.environ)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip().endswith("""['Not', 'a', 'masterpiece,', 'but', 'it', "doesn't", 'bore.']""")
