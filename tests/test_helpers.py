"""The small helpers: figures, results, sharing, architectures."""

import errno
import json
import subprocess
import sys

import datasets
import numpy as np
import pytest
from hypothesis import given, strategies
from hypothesis import settings as rules
from requests import HTTPError, Response
from strange_texts import LONG, MANY

from helpers import (
    TutorialError,
    architectures,
    assets,
    checks,
    environments,
    errors,
    hub,
    measures,
    pictures,
    results,
    settings,
)

PROBABILITIES = {"NEGATIVE": 0.25, "POSITIVE": 0.75}


@pytest.mark.parametrize(
    "figure",
    [
        pictures.label_balance({"train": [0, 1, 1], "test": [0, 1]}, {0: "NEGATIVE", 1: "POSITIVE"}),
        pictures.review_lengths([10, 300, 20], 256),
        pictures.TrainingCurve().figure(2, {1: 0.7, 2: 0.6}, {2: 0.5}),
        pictures.compare({"a": (0.8, 0.7, 0.9), "b": (0.85, 0.8, 0.9)}),
        pictures.confusion([0, 0, 1, 1], [0, 1, 1, 1], ["NEGATIVE", "POSITIVE"]),
        pictures.reliability({"as it is": measures.calibration([0.6, 0.9, 0.95], [0, 1, 1])}),
        pictures.words([("a", 0.1), ("costs $5", -2.0), ("fine", 1.5)], ("NEGATIVE", "POSITIVE")),
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
    means = pictures.window_means(running, epoch_steps, every)
    assert list(means) == list(range(every, 7, every))
    assert means == pytest.approx({step: np.mean(losses[step - every : step]) for step in means}, abs=1e-9)


def test_window_means_of_a_run_that_went_on_after_step_4():
    """Keras starts its mean where the run went on, in the middle of an epoch of 6 steps."""
    losses = [5.0, 3.0, 1.0, 2.0, 6.0, 4.0]  # of steps 5 to 10
    running = [5.0, 4.0, 1.0, 1.5, 3.0, 3.25]
    assert pictures.window_means(running, 6, 2, first_step=4) == pytest.approx({6: 4.0, 8: 1.5, 10: 5.0})
    assert list(pictures.window_means(running, 6, 1, first_step=4).values()) == pytest.approx(losses)


COLUMN_NAMES = strategies.lists(
    strategies.sampled_from(["text", "label", "sentence", "<b>", "labels"]), unique=True, max_size=3
)
VALUES = strategies.one_of(
    strategies.lists(strategies.one_of(strategies.none(), LONG, strategies.text().filter(str.isprintable)), max_size=4),
    strategies.lists(strategies.one_of(strategies.none(), strategies.integers(-3, 3)), max_size=4),
    strategies.lists(strategies.floats(), max_size=4),
    strategies.lists(strategies.booleans(), max_size=4),
    strategies.lists(strategies.lists(strategies.integers(0, 1)), max_size=4),
    strategies.just(["a fine film", "no"]),
    strategies.just([0, 1]),
)


@MANY
@given(COLUMN_NAMES, strategies.lists(VALUES, min_size=3, max_size=3))
def test_the_data_check_passes_or_gives_one_sentence(names, values):
    rows = min([len(column) for column in values[: len(names)]], default=0)
    table = {name: column[:rows] for name, column in zip(names, values, strict=False)}
    try:
        split = datasets.Dataset.from_dict(table)
    except UnicodeEncodeError:
        return  # Arrow holds no lone surrogates, so no dataset has them
    good = (
        {"text", "label"} <= set(names)
        and rows > 0
        and all(isinstance(text, str) and text.strip() for text in table["text"])
        and all(isinstance(label, int) and label in (0, 1) for label in table["label"])
    )
    try:
        checks.check_reviews({"train": split})
        passed = True
    except TutorialError as error:
        passed = False
        assert "\n" not in str(error) and len(str(error)) < 300
    assert passed == good


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "Stopped. Run the notebook again"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full; free some space"),
        (RuntimeError("[enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0"), "The disk is full"),
        (ConnectionError("Couldn't reach 'stanfordnlp/imdb' on the Hub"), "The connection to the Hub failed"),
        (ValueError("something else"), None),
        (FileNotFoundError("my own file"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_known_problems_have_a_sentence_and_others_none(error, said):
    explanation = errors.explanation(error)
    assert explanation is None if said is None else explanation.startswith(said)


def test_an_error_of_the_kit_keeps_its_own_sentence():
    """Also where a full disk lies behind it."""
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            raise TutorialError("free some space (40 MB), or set TUTORIAL_CACHE") from None
    except TutorialError as error:
        assert errors.explanation(error) is None


def test_the_cause_behind_a_librarys_error_is_explained():
    try:
        try:
            raise http_error(403)
        except HTTPError as cause:
            raise ConnectionError("Couldn't reach the Hub") from cause
    except ConnectionError as error:
        assert errors.explanation(error).startswith("The token may not do this")


def run_settings(folder):
    return settings.Settings(
        environments.tracks()[0], "smoke", settings.PROFILES["smoke"], "embedded", "cpu", "CPU", "fp32", 42, folder
    )


def test_results_carry_the_keys_of_a_summary(tmp_path):
    figures = dict(train_reviews=64, test_reviews=48, accuracy=0.5, baseline_accuracy=0.6, train_seconds=1.23456)
    path = results.save(run_settings(tmp_path), assets.embedded("a test"), **figures)
    entry = json.loads(path.read_text())
    assert set(entry) == {"track", "profile", "assets", "seed", "device", "peak_memory_gb", "versions", *figures}
    assert 0.05 < entry["peak_memory_gb"] < 50
    assert entry["train_seconds"] == 1.2346 and entry["versions"]["transformers"]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def http_error(status):
    response = Response()
    response.status_code = status
    return HTTPError("https://user:hf_canary@huggingface.co says no", response=response)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (http_error(401), "the token is not valid"),
        (http_error(403), "the token may not do this"),
        (http_error(503), "the Hub answered 503"),
        (OSError("git clone https://user:hf_canary@huggingface.co"), "the push failed (OSError)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failed_push_is_one_sentence_without_the_token(monkeypatch, capsys, error, said):
    monkeypatch.setattr(hub.shutil, "which", lambda name: f"/usr/bin/{name}")
    with hub.sharing():
        raise error
    printed = capsys.readouterr().out
    assert said in printed and printed.count("\n") == 1
    assert "hf_canary" not in printed


@pytest.mark.parametrize("missing", ["git", "git-lfs"])
def test_a_missing_git_is_named(monkeypatch, capsys, missing):
    monkeypatch.setattr(hub.shutil, "which", lambda name: None if name == missing else f"/usr/bin/{name}")
    with hub.sharing():
        raise OSError("git lfs clone https://user:hf_canary@huggingface.co")
    printed = capsys.readouterr().out
    assert f"{missing} is not installed; install git and git-lfs" in printed and "hf_canary" not in printed


# The guide's list, for release 4.37.2 of transformers; some are spelled otherwise in the installed release.
GUIDE = """ALBERT, BART, BERT, BigBird, BigBird-Pegasus, BioGpt, BLOOM, CamemBERT, CANINE, CodeLlama, ConvBERT, CTRL,
Data2VecText, DeBERTa, DeBERTa-v2, DistilBERT, ELECTRA, ERNIE, ErnieM, ESM, Falcon, FlauBERT, FNet, Funnel Transformer,
GPT-Sw3, OpenAI GPT-2, GPTBigCode, GPT Neo, GPT NeoX, GPT-J, I-BERT, LayoutLM, LayoutLMv2, LayoutLMv3, LED, LiLT, LLaMA,
Longformer, LUKE, MarkupLM, mBART, MEGA, Megatron-BERT, Mistral, Mixtral, MobileBERT, MPNet, MPT, MRA, MT5, MVP, Nezha,
Nyströmformer, OpenLlama, OpenAI GPT, OPT, Perceiver, Persimmon, Phi, PLBart, QDQBert, Qwen2, Reformer, RemBERT, RoBERTa,
RoBERTa-PreLayerNorm, RoCBert, RoFormer, SqueezeBERT, T5, TAPAS, Transformer-XL, UMT5, XLM, XLM-RoBERTa, XLM-RoBERTa-XL,
XLNet, X-MOD, YOSO"""


def supported(track: str) -> dict[str, list[str]]:
    code = f"import json; from helpers.architectures import supported; print(json.dumps(supported({track!r})))"
    done = subprocess.run([environments.python(track), "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("track", settings.TRACKS)
def test_each_of_the_guides_79_architectures_is_listed_once(track):
    names = GUIDE.replace("\n", " ").split(", ")
    assert len(names) == 79 and sorted(names) == sorted(architectures.GUIDE.values())
    lists = supported(track)
    here, gone = lists["In the guide, and here"], lists["In the guide, and not here"]
    assert sorted(here + gone) == sorted(names) and {"BERT", "DistilBERT"} <= set(here)
    if track == "tensorflow":
        assert len(here) == 32
    else:
        assert {"ErnieM", "Nezha", "Transformer-XL"} <= set(gone) and "ModernBert" in lists["Newer than the guide"]


def test_git_lfs_on_colab_is_installed_in_a_cell(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", errno)
    monkeypatch.setattr(hub.shutil, "which", lambda name: None if name == "git-lfs" else f"/usr/bin/{name}")
    with hub.sharing():
        raise OSError("git lfs clone https://user:hf_canary@huggingface.co")
    assert "git-lfs is not installed; run in a cell: !apt-get install -y git-lfs." in capsys.readouterr().out


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_what_hf_xet_says_becomes_the_same_sentence(status):
    """Its errors are Python's own ConnectionError, and carry nothing but words."""
    error = ConnectionError(
        f"Network error: Request error: HTTP status client error ({status} Forbidden), domain: http://x/v2/shards"
    )
    assert errors.hub_answer(error) == errors.HUB_ANSWERS.get(status, f"the Hub answered {status}; try again later")


def test_an_answer_to_httpx_becomes_the_same_sentence():
    httpx = pytest.importorskip("httpx")
    request = httpx.Request("GET", "https://huggingface.co")
    error = httpx.HTTPStatusError("no", request=request, response=httpx.Response(403, request=request))
    assert errors.explanation(error).startswith("The token may not do this")
    assert errors.explanation(httpx.ConnectError("refused")).startswith("The connection to the Hub failed")
