"""The small helpers: figures, results, sharing, architectures."""

import errno
import json
import subprocess
import sys
from types import SimpleNamespace

import datasets
import pandas as pd
import pytest
from hypothesis import given, strategies
from requests import HTTPError, Response
from strange_texts import LONG, MANY

from helpers import (
    TutorialError,
    architectures,
    checks,
    environments,
    errors,
    hub,
    pictures,
    results,
    settings,
)


@pytest.mark.parametrize(
    "figure",
    [
        pictures.label_balance({"train": [0, 1, 1], "test": [0, 1]}, {0: "NEGATIVE", 1: "POSITIVE"}),
        pictures.review_lengths([10, 300, 20], 256),
        pictures.training_curve(2, {1: 0.7, 2: 0.6}, {2: 0.65}, {2: 0.5}),
        pictures.compare({"a": (0.8, 0.7, 0.9), "b": (0.85, 0.8, 0.9)}),
        pictures.confusion([0, 0, 1, 1], [0, 1, 1, 1], ["NEGATIVE", "POSITIVE"]),
        pictures.reliability(
            {"as it is": pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 1], "reviews": [2, 3]})}
        ),
        pictures.words([("a", 0.1), ("costs $5", -2.0), ("fine", 1.5)], ("NEGATIVE", "POSITIVE")),
    ],
    ids=lambda figure: figure.axes[0].get_title(),
)
def test_a_figure_draws(figure, tmp_path):
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000


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
        checks.check_reviews({"train": split, "test": split})
        passed = True
    except TutorialError as error:
        passed = False
        assert "\n" not in str(error) and len(str(error)) < 300
    assert passed == good


def split_of(rows: int):
    return datasets.Dataset.from_dict({"text": ["a fine film"] * rows, "label": [1] * rows})


@pytest.mark.parametrize(
    ("rows", "sizes", "said"),
    [
        (
            500,
            (2_400, 300, 100),
            "The train split has 500 rows, and train_size and validation_size ask for 2,700; lower",
        ),
        (500, (100, 300, 1_000), "The test split has 500 rows, and test_size ask for 1,000; lower"),
        (500, (None, 500, None), "The train split has 500 rows, and train_size and validation_size ask for 501; lower"),
        (500, (450, 0.2, None), "The train split has 500 rows, and train_size and validation_size ask for 550; lower"),
        (500, (400, 100, 500), None),
        (500, (None, 0.1, None), None),
    ],
)
def test_too_few_rows_are_told_before_any_is_drawn(rows, sizes, said):
    splits = {"train": split_of(rows), "test": split_of(rows), "unsupervised": split_of(1)}
    if said is None:
        checks.check_reviews(splits, *sizes)
    else:
        with pytest.raises(TutorialError, match=f"^{said}"):
            checks.check_reviews(splits, *sizes)


def test_a_split_that_is_not_there_is_named():
    with pytest.raises(TutorialError, match=r"There is no test split .there is: train, unsupervised"):
        checks.check_reviews({"train": split_of(3), "unsupervised": split_of(3)})


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({}, "There is no train split (there is: none); rename one of yours."),
        ({"train": {}}, "The train split has no column text (it has: none); rename one of yours."),
        (
            {"train": {"text": ["a"], "stars": [1]}},
            "The train split has no column label (it has: text, stars); rename one of yours.",
        ),
        ({"train": {"text": [], "label": []}}, "The train split is empty; choose a split with reviews."),
        (
            {"train": {"text": ["a", " "], "label": [1, 1]}},
            "Row 1 of the train split has no text in it; drop it with filter().",
        ),
        (
            {"train": {"text": ["a"], "label": ["x" * 50]}},
            f"Row 0 of the train split has the label {'x' * 40!r}; this lesson's labels are 0 and 1: change it, or drop it with "
            "filter().",
        ),
        (
            {"train": {"text": ["a"], "label": [1]}, "test": {"text": ["a"], "label": [2]}},
            "Row 0 of the test split has the label '2'; this lesson's labels are 0 and 1: change it, or drop it with filter().",
        ),
        ({"train": {"text": ["a"], "label": [1]}, "test": {"text": ["a"], "label": [1]}}, None),
    ],
)
def test_what_is_wrong_with_the_data_is_said_in_these_words(splits, said):
    splits = {name: datasets.Dataset.from_dict(columns) for name, columns in splits.items()}
    if said is None:
        checks.check_reviews(splits)
        return
    with pytest.raises(TutorialError) as error:
        checks.check_reviews(splits)
    assert str(error.value) == said


def raised(library: str, error: BaseException, cause: BaseException | None = None) -> BaseException:
    """The error as code of ``library`` raises it; ``__main__`` is a cell of a notebook."""
    names = {"__name__": library, "error": error, "cause": cause}
    try:
        exec("raise error from cause" if cause else "raise error", names)
    except BaseException as found:
        found.__traceback__ = found.__traceback__.tb_next  # without this function
        return found


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "Stopped. Run the notebook again"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full; free some space"),
        (RuntimeError("[enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0"), "The disk is full"),
        (
            raised("datasets.load", ConnectionError("Couldn't reach 'stanfordnlp/imdb' on the Hub")),
            "The connection to the Hub failed",
        ),
        (
            raised("evaluate.loading", FileNotFoundError("Module 'f1' doesn't exist on the Hugging Face Hub")),
            "The Hub does",
        ),
        (ValueError("something else"), None),
        (FileNotFoundError("my own file"), None),
        (raised("__main__", BrokenPipeError(errno.EPIPE, "Broken pipe")), None),
        (raised("__main__", ConnectionError("my own server")), None),
        (raised("__main__", ValueError("row 3: HTTP 200 expected")), None),
        (raised("my_module", ValueError("status code: 404")), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_known_problems_have_a_sentence_and_others_none(error, said):
    explanation = errors.explanation(error)
    assert explanation is None if said is None else explanation.startswith(said)


def test_the_learners_own_404_is_not_the_hubs():
    assert errors.explanation(raised("requests.models", http_error(404, "https://example.org/data.csv"))) is None
    assert errors.explanation(raised("__main__", http_error(404, "https://example.org/data.csv"))) is None


@pytest.mark.parametrize(
    ("address", "hub"),
    [
        ("https://huggingface.co/x", True),
        ("https://hf.co/x", True),
        ("https://cdn-lfs.huggingface.co/x", True),
        ("https://cas-bridge.xethub.hf.co/x", True),
        ("https://my-own-hub.example/x", True),
        ("https://nothuggingface.co/x", False),
        ("https://huggingface.co.example.org/x", False),
        ("no address", False),
    ],
)
def test_what_belongs_to_the_hub(monkeypatch, address, hub):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "https://my-own-hub.example")
    answer = errors.explanation(raised("requests.models", http_error(403, address)))
    assert (answer is not None) == hub


class Request:
    def __init__(self, url):
        self.url = url


class NoRequest(HTTPError):
    """As httpx does it where no request was noted."""

    @property
    def request(self):
        raise RuntimeError("no request")

    @request.setter
    def request(self, value):
        pass


def test_the_address_is_found_wherever_an_error_keeps_it():
    found = HTTPError("no")
    found.request = Request("https://example.org/a")
    assert errors._address(found) == "https://example.org/a"
    found.response = Response()
    found.response.url = "https://example.org/b"
    assert errors._address(found) == "https://example.org/b"
    found.response.request = Request("https://example.org/c")
    assert errors._address(found) == "https://example.org/c"
    assert errors._address(ValueError("no")) is None
    assert errors._address(NoRequest("no")) is None


def test_what_was_being_handled_is_not_the_cause_of_a_learners_error():
    try:
        try:
            raise http_error(403)
        except HTTPError:
            exec("raise KeyError('my column')", {"__name__": "__main__"})
    except KeyError as error:
        assert errors.explanation(error) is None


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("fatal: Authentication failed for x", 401),
        ("could not read Username for x", 401),
        ("could not read Password for x", 401),
        ("remote: repository 'https://x/' not found", 404),
        ("The requested URL returned error: 503", 503),
        ("batch response: Fatal error: Server error HTTP: 500", 500),
        ("status code: 429", 429),
        ("HTTP status server error (503 Service Unavailable)", 503),
        ("error 404", None),
        ("4.0.4", None),
    ],
)
def test_the_status_in_words(text, status):
    assert errors._status_in_words(text) == status


@pytest.mark.parametrize(
    ("error", "about"),
    [
        (raised("huggingface_hub.x", OSError("x")), True),
        (raised("hf_xet", RuntimeError("x")), True),
        (raised("transformers.x", OSError("x does not appear to have a file named y")), True),
        (raised("transformers.x", OSError("x")), False),
        (raised("transformers.x", ConnectionError("x")), True),
        (raised("pandas.io", ConnectionError("x")), False),
        (raised("pandas.io", OSError("x does not appear to have a file named y")), False),
        (OSError("x does not appear to have a file named y"), False),
    ],
)
def test_whose_error_it_is(error, about):
    assert errors._is_about_hub(error) == about


def test_what_the_kit_cannot_explain_is_shown_as_ever():
    from IPython.core.interactiveshell import InteractiveShell

    shell, shown = InteractiveShell.instance(), []
    shell._showtraceback = lambda kind, value, lines: shown.append((kind, str(value), lines))
    errors.explain_in_notebook()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda *_, **__: shown.append("folded"))
        shell.run_cell("{}['my column']")
        shell.run_cell("raise KeyboardInterrupt")
    (kind, said, lines), (stopped, sentence, one) = shown  # a stop has no traceback that helps
    assert kind is KeyError and said == "'my column'" and any("my column" in line for line in lines)
    assert stopped is TutorialError and sentence.startswith("Stopped. Run the notebook again") and len(one) == 1


def test_a_traceback_is_folded_below_the_sentence_without_tokens():
    from IPython.core.interactiveshell import InteractiveShell

    shell, shown = InteractiveShell.instance(), []
    shell._showtraceback = lambda kind, value, lines: shown.extend(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda data, raw: shown.append(data["text/html"]))
        errors.explain_in_notebook()
        code = "import errno\nraise OSError(errno.ENOSPC, 'hf_abcDEF123 https://user:hf_abcDEF123@huggingface.co <b>')"
        shell.run_cell(code)
    assert shown[0].startswith("TutorialError: The disk is full") and len(shown) == 2
    assert shown[1].startswith("<details><summary>") and "OSError" in shown[1] and "hf_abc" not in shown[1]
    assert "<b>" not in shown[1]


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


RUN = settings.Settings(environments.tracks()[0], "smoke", "embedded", "cpu", device_name="CPU")


@pytest.mark.parametrize("track", settings.TRACKS)
def test_lesson_01_notes_what_it_came_to(monkeypatch, tmp_path, track):
    monkeypatch.setattr(results, "versions", lambda track: {"python": "3.11"})
    monkeypatch.setattr(results, "peak_memory_gb", lambda: 1.5)
    run = settings.Settings(track, "quick", "embedded", "cpu", device_name="CPU")
    names = {
        "output_dir": str(tmp_path),
        "checkpoint": "/somewhere/of/mine/a-model",
        "seed": 7,
        "imdb": {"train": [1, 2, 3], "test": [1]},
        "model_accuracy": 0.87654,
    }
    if track == "pytorch":
        log = [{"loss": 0.5}, {"train_runtime": 2.5}, {"train_runtime": 1.0}]
        names["trainer"] = SimpleNamespace(state=SimpleNamespace(log_history=log))
    else:
        names["history"] = SimpleNamespace(seconds=3.5)
    results.finish(run, names)
    noted = json.loads((tmp_path / "_results.json").read_text())
    assert noted == {
        "track": track, "profile": "quick", "assets": "embedded", "device": "CPU", "checkpoint": "mine/a-model", "seed": 7, "train_reviews": 3,
        "test_reviews": 1, "accuracy": 0.8765, "train_seconds": 3.5, "peak_memory_gb": 1.5, "versions": {"python": "3.11"},
    }  # fmt: skip
    results.finish(run, names | {"baseline_accuracy": 0.5})
    assert json.loads((tmp_path / "_results.json").read_text())["baseline_accuracy"] == 0.5
    results.finish(run, {key: value for key, value in names.items() if key not in ("trainer", "history")})
    assert "train_seconds" not in json.loads((tmp_path / "_results.json").read_text())


def test_a_record_counts_only_beside_a_whole_model(tmp_path):
    assert results.read(tmp_path) is None
    results.save(RUN, tmp_path, accuracy=0.5)
    (tmp_path / "config.json").write_text("{}")
    assert results.read(tmp_path) is None
    (tmp_path / "model.safetensors").touch()
    assert results.read(str(tmp_path))["accuracy"] == 0.5
    (tmp_path / "config.json").write_text("{")
    assert results.read(tmp_path) is None


def test_memory_is_in_gigabytes(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=2_000_000))
    monkeypatch.setattr(results.sys, "platform", "linux")
    assert results.peak_memory_gb() == 2.05  # KiB
    monkeypatch.setattr(results.sys, "platform", "darwin")
    assert results.peak_memory_gb() == 0.0  # bytes
    monkeypatch.setitem(sys.modules, "resource", None)
    assert results.peak_memory_gb() is None


def test_results_carry_the_keys_of_a_summary(tmp_path):
    figures = dict(train_reviews=64, test_reviews=48, accuracy=0.5, baseline_accuracy=0.6, train_seconds=1.23456)
    path = results.save(RUN, tmp_path, seed=42, **figures)
    entry = json.loads(path.read_text())
    assert set(entry) == {"track", "profile", "assets", "seed", "device", "peak_memory_gb", "versions", *figures}
    assert 0.05 < entry["peak_memory_gb"] < 50
    assert entry["train_seconds"] == 1.2346 and entry["versions"]["transformers"]
    assert [path.name for path in tmp_path.iterdir()] == ["_results.json"]


def http_error(status, address="https://huggingface.co/api"):
    response = Response()
    response.status_code, response.url = status, address
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
def test_a_failed_push_is_one_sentence_without_the_token(capsys, error, said):
    with hub.sharing():
        raise error
    printed = capsys.readouterr().out
    assert said in printed and printed.count("\n") == 1
    assert "hf_canary" not in printed


@pytest.mark.parametrize("missing", ["git", "git-lfs"])
def test_a_missing_git_is_named(monkeypatch, capsys, missing):
    monkeypatch.setattr(errors.shutil, "which", lambda name: None if name == missing else f"/usr/bin/{name}")
    error = raised("huggingface_hub.repository", OSError("git lfs clone https://user:hf_canary@huggingface.co"))
    with hub.sharing():
        raise error
    printed = capsys.readouterr().out
    assert f"{missing} is not installed; install git and git-lfs" in printed and "hf_canary" not in printed


def test_git_is_not_blamed_where_nothing_was_asked_of_it(monkeypatch, capsys):
    monkeypatch.setattr(errors.shutil, "which", lambda name: None)
    with hub.sharing():
        raise raised("huggingface_hub.hf_api", OSError("something else"))
    assert "Not shared: the push failed (OSError)" in capsys.readouterr().out


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
    monkeypatch.setattr(errors.shutil, "which", lambda name: None if name == "git-lfs" else f"/usr/bin/{name}")
    error = raised("huggingface_hub.repository", OSError("git lfs clone https://user:hf_canary@huggingface.co"))
    with hub.sharing():
        raise error
    assert "git-lfs is not installed; run in a cell: !apt-get install -y git-lfs." in capsys.readouterr().out


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_what_hf_xet_says_becomes_the_same_sentence(status):
    """Its errors are Python's own ConnectionError, and carry nothing but words."""
    words = f"Network error: Request error: HTTP status client error ({status} Forbidden), domain: http://x/v2/shards"
    error = raised("huggingface_hub._commit_api", ConnectionError(words))
    assert errors.hub_answer(error) == errors.HUB_ANSWERS.get(status, f"the Hub answered {status}; try again later")


def test_an_answer_to_httpx_becomes_the_same_sentence():
    httpx = pytest.importorskip("httpx")
    request = httpx.Request("GET", "https://huggingface.co")
    error = httpx.HTTPStatusError("no", request=request, response=httpx.Response(403, request=request))
    assert errors.explanation(error).startswith("The token may not do this")
    error = raised("huggingface_hub.file_download", httpx.ConnectError("refused", request=request))
    assert errors.explanation(error).startswith("The connection to the Hub failed")
    own = httpx.ConnectError("refused", request=httpx.Request("GET", "https://example.org"))
    assert errors.explanation(raised("__main__", own)) is None
