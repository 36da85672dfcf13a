"""The benchmarks: their formula, their committed results, and the pages that show them."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

import bench
import common
import learning_curve
import page
from helpers import environments
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


def a_run(rate, **more):
    inference = {"batched": 40.0, "single": 20.0, "guide": 10.0}
    run = {
        "reviews_per_s": rate,
        "steady_reviews_per_s": 2 * rate,
        "steady_gflops": 50.0,
        "gflop_per_review": 3.0,
        "peak_rss_gb": 1.0,
    }
    return run | {"inference": inference} | more


def test_the_summary_is_made_of_medians(monkeypatch):
    monkeypatch.setattr(common, "accuracies", lambda track: {})
    guide = [a_run(rate, gflop_per_review=6.0) for rate in (1.0, 9.0, 2.0)]
    figures = bench.summary(
        "pytorch",
        {"guide": guide, "kit": [a_run(rate) for rate in (30.0, 10.0, 20.0)], "startups": [3.0, 9.0, 4.0]},
        100.0,
    )
    assert (figures["guide_reviews_per_s"], figures["kit_reviews_per_s"], figures["speedup"]) == (2.0, 20.0, 10.0)
    assert (figures["steady_speedup"], figures["fraction_of_ceiling"], figures["less_work"]) == (10.0, 0.5, 2.0)
    assert (figures["startup_s"], figures["inference_speedup"], figures["inference_speedup_over_512_tokens"]) == (
        4.0,
        2.0,
        4.0,
    )


@pytest.mark.parametrize("track", ["pytorch", pytest.param("tensorflow", marks=pytest.mark.slow)])
def test_the_benchmarks_run_the_lessons_own_cells(track):
    """A lever is a value of the lesson: the work of a step shows that tokens and frozen layers were set, and nothing else."""
    figures = common.measure(track, "tokens,frozen", reviews=32, test_reviews=8)
    most = (
        operations(SimpleNamespace(hidden_size=384, intermediate_size=1536, num_hidden_layers=6), [(1, 160)], 3) / 1e9
    )
    assert 0.5 * most < figures["gflop_per_review"] <= most * 1.001
    assert 0 <= figures["accuracy"] <= 1 and figures["precision"] == "fp32" and figures["steady_reviews_per_s"] > 0


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


@pytest.mark.parametrize("words", [["bench.py", "--rounds", "0"], ["studies/levers.py", "--rounds", "no"]])
def test_an_argument_that_would_spoil_the_results_is_refused(words):
    done = subprocess.run([sys.executable, str(RESULTS.parent / words[0]), *words[1:]], capture_output=True, text=True)
    assert done.returncode == 2 and "not a count of 1 or more" in done.stderr


def test_each_track_has_its_levers():
    assert "oneDNN" not in levers_of("pytorch") and "like length" not in levers_of("tensorflow")


def test_a_lever_that_is_not_there_is_named():
    command = [sys.executable, str(RESULTS.parent / "measure.py"), "--track", "pytorch", "--reviews", "1"]
    done = subprocess.run([*command, "--levers", "turbo"], capture_output=True, text=True)
    assert done.returncode == 2 and "unknown: turbo; the levers are tokens" in done.stderr


def test_the_learning_curve_is_drawn_from_what_was_measured(tmp_path, monkeypatch):
    row = {
        "changes": {"train_size": 500},
        "seeds": {"0": {"transformer": 0.7, "baseline": 0.6}, "1": {"transformer": 0.8, "baseline": 0.5}},
    }
    result = {"sentences": {"a": row}, "reviews": {"b": row | {"changes": {"train_size": 1_000}}}}
    monkeypatch.setattr(learning_curve, "OUTPUT", tmp_path / "curve.json")
    monkeypatch.setattr(learning_curve, "FIGURE", tmp_path / "curve.png")
    common.write(learning_curve.OUTPUT, result | {"test_texts": {"sentences": 100, "reviews": 200}})
    learning_curve.draw()
    assert Image.open(learning_curve.FIGURE).text["Description"] == (
        "Accuracy against the number of training texts. Sentences of critics, MiniLM, fine-tuned: 0.750 with 500; Sentences of critics, "
        "word counts: 0.550 with 500; Whole reviews, MiniLM, fine-tuned: 0.750 with 1,000; Whole reviews, word counts: 0.550 with 1,000."
    )


def test_the_sentences_of_the_learning_curve_are_split_once():
    folder = Path(learning_curve.folder("sentences"))
    train, test = (
        set(pd.read_parquet(path)["text"]) for path in (next(folder.glob("train*")), next(folder.glob("test*")))
    )
    assert len(test) > 1_400 and len(train) > 6_900
    assert len(train & test) < 10  # sentences that critics or lists have twice
