"""The small helpers: figures, panel, results, sharing, architectures."""

import json

import numpy as np
import pytest
from hypothesis import given, strategies
from hypothesis import settings as rules
from requests import HTTPError, Response

from helpers import architectures, assets, hub, panel, pictures, results, settings

PROBABILITIES = {"NEGATIVE": 0.25, "POSITIVE": 0.75}


@pytest.mark.parametrize(
    "figure",
    [
        pictures.label_balance({"train": [0, 1, 1], "test": [0, 1]}, {0: "NEGATIVE", 1: "POSITIVE"}),
        pictures.review_lengths([10, 300, 20], 256),
        pictures.training_curve([1, 2], [0.7, 0.6], [{"step": 2, "accuracy": 0.5}]),
        pictures.compare({"a": (0.8, 0.7, 0.9), "b": (0.85, 0.8, 0.9)}),
        pictures.probabilities(PROBABILITIES),
    ],
    ids=lambda figure: figure.axes[0].get_title() or "probabilities",
)
def test_a_figure_draws(figure, tmp_path):
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000


@rules(deadline=None)
@given(
    strategies.lists(strategies.floats(0, 10), min_size=6, max_size=6),
    strategies.sampled_from([(6, 2), (3, 3), (2, 1)]),
)
def test_window_means_undo_the_running_mean(losses, shape):
    epoch_steps, every = shape
    running = [np.mean(losses[i - i % epoch_steps : i + 1]) for i in range(6)]
    steps, means = pictures.window_means(running, epoch_steps, every)
    assert steps == list(range(every, 7, every))
    assert means == pytest.approx([np.mean(losses[step - every : step]) for step in steps], abs=1e-9)


def test_the_panel_answers():
    box, button, answer = panel.classify_panel(lambda text: PROBABILITIES).children
    assert "0.750" in answer.value
    box.value = "  "
    button.click()
    assert answer.value == "<p>Type a review first.</p>"


@pytest.mark.parametrize(
    "text", ["", "\0", "\ud800", "😀", "مرحبا", "a" * 100_000, "<img src=x onerror=alert(1)>", None, 7]
)
def test_the_panel_shows_no_traceback_and_no_live_html(text):
    shown = panel._answer(lambda text: {text[:50]: 1.0}, text)
    assert "<img" not in shown and "Traceback" not in shown
    shown = panel._answer(lambda text: 1 / 0, "some text")
    assert "could not be classified (ZeroDivisionError)" in shown


def test_the_panel_carries_a_picture_for_viewers_without_widgets(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    panel.show(lambda text: PROBABILITIES)
    assert shown[0]["image/png"].startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in shown[0]


def run_settings(folder):
    return settings.Settings(
        "pytorch", "smoke", settings.PROFILES["smoke"], "embedded", "cpu", "CPU", "fp32", 42, folder
    )


def test_results_carry_the_keys_of_a_summary(tmp_path):
    figures = dict(train_reviews=64, test_reviews=48, accuracy=0.5, baseline_accuracy=0.6, train_seconds=1.23456)
    path = results.save(run_settings(tmp_path), assets.embedded("a test"), **figures)
    entry = json.loads(path.read_text())
    assert set(entry) == {"track", "profile", "assets", "device", "versions", *figures}
    assert entry["train_seconds"] == 1.2346 and entry["versions"]["torch"]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def http_error(status):
    response = Response()
    response.status_code = status
    return HTTPError("https://user:hf_canary@huggingface.co says no", response=response)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (http_error(401), "the token is not valid"),
        (http_error(403), "the token may not write"),
        (http_error(503), "the Hub answered 503"),
        (OSError("git-lfs is missing; cloning https://user:hf_canary@huggingface.co"), "install git and git-lfs"),
        (OSError("git clone https://user:hf_canary@huggingface.co"), "the push failed (OSError)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failed_push_is_one_sentence_without_the_token(capsys, error, said):
    with hub.sharing():
        raise error
    printed = capsys.readouterr().out
    assert said in printed and printed.count("\n") == 1
    assert "hf_canary" not in printed


# The guide's list, for release 4.37.2 of transformers; some are spelled otherwise in the installed release.
GUIDE = """ALBERT, BART, BERT, BigBird, BigBird-Pegasus, BioGpt, BLOOM, CamemBERT, CANINE, CodeLlama, ConvBERT, CTRL,
Data2VecText, DeBERTa, DeBERTa-v2, DistilBERT, ELECTRA, ERNIE, ErnieM, ESM, Falcon, FlauBERT, FNet, Funnel Transformer,
GPT-Sw3, OpenAI GPT-2, GPTBigCode, GPT Neo, GPT NeoX, GPT-J, I-BERT, LayoutLM, LayoutLMv2, LayoutLMv3, LED, LiLT, LLaMA,
Longformer, LUKE, MarkupLM, mBART, MEGA, Megatron-BERT, Mistral, Mixtral, MobileBERT, MPNet, MPT, MRA, MT5, MVP, Nezha,
Nyströmformer, OpenLlama, OpenAI GPT, OPT, Perceiver, Persimmon, Phi, PLBart, QDQBert, Qwen2, Reformer, RemBERT, RoBERTa,
RoBERTa-PreLayerNorm, RoCBert, RoFormer, SqueezeBERT, T5, TAPAS, Transformer-XL, UMT5, XLM, XLM-RoBERTa, XLM-RoBERTa-XL,
XLNet, X-MOD, YOSO"""


def test_the_guides_79_architectures_are_listed():
    names = GUIDE.replace("\n", " ").split(", ")
    assert len(names) == 79
    found = architectures.supported()
    listed = {name.casefold() for part in found.values() for name in part}
    assert [name for name in names if name.casefold() not in listed] == []
    assert {"BERT", "DistilBERT"} <= set(found["PyTorch and TensorFlow"])
    assert not set(found["PyTorch and TensorFlow"]) & set(found["PyTorch only"])
