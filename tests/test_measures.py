"""What lesson 02 works out, intervals, calibration and the pushes of words, against figures worked out another way."""

import ast
import os
import subprocess
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers import environments, lessons
from helpers.words import by_word


@pytest.fixture(scope="module")
def lesson_02():
    """The functions that lesson 02 defines in its own cells."""
    names = {"np": np, "pd": pd}
    for cell in lessons.cells(environments.tracks()[0], "02_error_analysis"):
        found = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef | ast.ImportFrom)]
        if any(
            getattr(node, "name", "") in ("interval", "calibration", "calibration_error", "by_word") for node in found
        ):
            exec(ast.unparse(found), names)
    return SimpleNamespace(**names)


def test_interval_against_wilsons_formula(lesson_02):
    """Wilson 1927, equation for the interval, with z = 1.959964; 8 of 10."""
    z, n, p = 1.959964, 10, 0.8
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert lesson_02.interval(np.array([1] * 8 + [0] * 2)) == pytest.approx(
        (0.8, middle - half, middle + half), abs=1e-6
    )


def test_calibration_by_hand(lesson_02):
    table = lesson_02.calibration([0.5, 0.54, 0.91, 0.93, 1.0], [1, 0, 1, 1, 0])
    assert table["reviews"].tolist() == [2, 2, 1]
    assert table["accuracy"].tolist() == pytest.approx([0.5, 1, 0])
    assert table["confidence"].tolist() == pytest.approx([0.52, 0.92, 1])
    assert lesson_02.calibration_error(table) == pytest.approx(0.4 * 0.02 + 0.4 * 0.08 + 0.2 * 1)


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_a_large_one(lesson_02):
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 20_000)
    correct = random.random(20_000) < confidence
    assert lesson_02.calibration_error(lesson_02.calibration(confidence, correct)) < 0.02
    assert lesson_02.calibration_error(lesson_02.calibration(np.full(20_000, 0.99), correct)) > 0.2


def test_pieces_without_a_space_between_them_are_one_word(lesson_02):
    # "[CLS] don ' t go [SEP]"
    offsets = [(0, 0), (0, 3), (3, 4), (4, 5), (6, 8), (0, 0)]
    for way in (by_word, lesson_02.by_word):  # the panels' and the page's
        assert way(offsets, [9, 1, 2, 3, -1, 9]) == [(0, 5, 6.0), (6, 8, -1.0)]


# difference(way) gives the logits' difference for vectors of tokens, an array of shape (tokens, width).
LOGITS = {
    "pytorch": """
import torch
from transformers import AutoModelForSequenceClassification as Model
from helpers.pytorch.words import word_pushes
model = Model.from_pretrained(checkpoint, num_labels=2).double().eval()
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
from helpers.tensorflow.words import word_pushes
model = Model.from_pretrained(checkpoint, num_labels=2)
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
from helpers import packages, process
process.set_up(TRACK)
process.find(TRACK, "cpu")
from transformers import AutoTokenizer, set_seed
from helpers.words import STEPS
set_seed(1)
checkpoint = packages.model_folder()
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
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


@pytest.mark.slow
@pytest.mark.parametrize("track", LOGITS)
def test_word_pushes_agree_with_a_finite_difference(track):
    """Move a word's vectors by a little, at each point of the way: the mean slope is the push, and with many points the pushes add up."""
    script = COMPARE.replace("TRACK", repr(track)).replace("SETUP", LOGITS[track])
    run = subprocess.run([environments.python(track), "-c", script], capture_output=True, text=True, env=os.environ)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip().endswith("""['Not', 'a', 'masterpiece,', 'but', 'it', "doesn't", 'bore.']""")
