"""The benchmarks: their formula, their committed results, and the pages that show them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import common
import page
from helpers import environments, settings
from measure import levers_of, operations

RESULTS = Path(page.__file__).parent / "results"


@pytest.mark.parametrize("track", ["pytorch"])
def test_the_operations_are_those_that_torch_counts(track):
    """A training step of a small BERT under torch's own counter, with and without frozen layers."""
    code = """
import json, sys, torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification
config = BertConfig(vocab_size=50, hidden_size=96, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4)
config._attn_implementation = "eager"
counts = []
for frozen in (0, 2):
    model = BertForSequenceClassification(config)
    if frozen:
        model.bert.embeddings.requires_grad_(False)
        model.bert.encoder.layer[:frozen].requires_grad_(False)
    ids = torch.randint(50, (4, 64))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=torch.zeros(4, dtype=torch.long)).loss.backward()
    counts.append(counter.get_total_flops())
print(json.dumps(counts))
"""
    counted = json.loads(
        subprocess.run([environments.python(track), "-c", code], capture_output=True, text=True, check=True).stdout
    )

    class Config:
        hidden_size, intermediate_size, num_hidden_layers = 96, 384, 4

    for frozen, count in zip((0, 2), counted, strict=True):
        assert operations(Config, [(4, 64)], frozen) == pytest.approx(count, rel=0.03)


def test_the_committed_results_have_their_keys():
    result = json.loads((RESULTS / "latest.json").read_text())
    assert {"machine", "ceiling_gflops"} <= set(result)
    keys = (
        "guide_reviews_per_s kit_reviews_per_s speedup fraction_of_ceiling guide_accuracy kit_accuracy peak_rss_gb "
        "startup_s inference_reviews_per_s inference_speedup"
    )
    for track in settings.TRACKS:
        figures = result[track]
        assert set(keys.split()) <= set(figures)
        assert figures["speedup"] == pytest.approx(figures["kit_reviews_per_s"] / figures["guide_reviews_per_s"])
        assert len(figures["runs"]["kit"]) == len(figures["runs"]["guide"]) >= 3


@pytest.mark.parametrize("path", page.PAGES, ids=lambda path: path.parent.name)
def test_the_pages_show_the_results(path):
    assert "<!-- table" in path.read_text()
    assert page.filled(path.read_text()) == path.read_text(), "run: python benchmarks/page.py"


def test_the_accuracies_are_means_over_the_seeds_of_both(monkeypatch, tmp_path):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    assert common.accuracies("pytorch") == {"guide_accuracy": None, "kit_accuracy": None}
    found = {"pytorch, guide": {"0": 0.5, "2": 0.7}, "pytorch, kit": {"0": 0.6, "1": 0.1, "2": 0.8}}
    (tmp_path / "accuracy.json").write_text(json.dumps({"accuracy": found}))
    assert common.accuracies("pytorch") == pytest.approx({"guide_accuracy": 0.6, "kit_accuracy": 0.7})


@pytest.mark.parametrize("words", [["bench.py", "--rounds", "0"], ["studies/levers.py", "--lever", "frozen"]])
def test_an_argument_that_would_spoil_the_results_is_refused(words):
    done = subprocess.run([sys.executable, str(RESULTS.parent / words[0]), *words[1:]], capture_output=True, text=True)
    assert done.returncode == 2 and ("not a count of 1 or more" in done.stderr or "needs --track" in done.stderr)


def test_each_track_has_its_levers():
    assert "oneDNN" not in levers_of("pytorch") and "like length" not in levers_of("tensorflow")


def test_a_lever_that_is_not_there_is_named():
    command = [sys.executable, str(RESULTS.parent / "measure.py"), "--track", "pytorch", "--reviews", "1"]
    done = subprocess.run([*command, "--levers", "turbo"], capture_output=True, text=True)
    assert done.returncode == 2 and "unknown: turbo; the levers are tokens" in done.stderr
