"""Another checkpoint is one line: lessons 01 and 02 with a tiny model of each family, and one sentence for what cannot work."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import families
import pytest
from lesson import environment
from system import turn

from helpers import checkpoint, environments, recipe, settings
from helpers.errors import TutorialError

ROOT = Path(__file__).parents[1]
TRACK = environments.tracks()[0]
pytestmark = pytest.mark.skipif("pytorch" not in environments.tracks(), reason="PyTorch makes the tiny models")
# TensorFlow's BART, GPT-2 and the BERTs; it has no class for T5.
PAIRS = [
    (track, family)
    for track in environments.NAMES
    for family in families.FAMILIES
    if (track, family) != ("tensorflow", "t5")
]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A function that makes the tiny checkpoint of a family, once."""
    folder = tmp_path_factory.mktemp("families")
    return lambda family: folder / family if (folder / family).exists() else families.make(family, folder / family)


@pytest.mark.slow
@pytest.mark.parametrize(("track", "family"), PAIRS, ids=lambda value: value)
def test_lessons_01_and_02_run_with_a_model_of_each_family(tiny, track, family, tmp_path):
    if not turn(PAIRS.index((track, family)), 5):
        pytest.skip("another family has its turn today")
    command = [sys.executable, ROOT / "notebooks" / "run.py", "--profile", "smoke", "--folder", tmp_path / "runs"]
    done = subprocess.run(
        [*command, "--checkpoint", tiny(family)], cwd=ROOT, env=environment(tmp_path, TUTORIAL_TRACKS=track), capture_output=True, text=True
    )  # fmt: skip
    if family in ("bart", "t5"):
        assert done.returncode == 1 and "takes no vectors in place of tokens" in done.stderr, done.stderr[-1500:]
    else:
        assert done.returncode == 0, done.stderr[-1500:]
        assert list((tmp_path / "runs" / track).glob("02*.ipynb"))
    (path,) = (tmp_path / "runs" / track).glob("01*.ipynb")
    assert "you named it" in path.read_text()
    config = json.loads((tmp_path / "runs" / track / "my_awesome_model" / "config.json").read_text())
    assert config["model_type"] == family and config["id2label"] == {"0": "NEGATIVE", "1": "POSITIVE"}


def test_another_checkpoint_takes_the_guides_values_and_no_frozen_layers(tiny, tmp_path, monkeypatch):
    from helpers import lessons

    monkeypatch.chdir(tmp_path)
    quick = settings.Settings(TRACK, "quick", "embedded", "cpu", "a test asks", "CPU")
    names = lessons.values(TRACK) | {"checkpoint": str(tiny("bert"))}
    recipe.fit(names, quick)
    assert names["learning_rate"] == 2e-5 and names["frozen_layers"] == 0 and names["config_changes"] == {}
    monkeypatch.setenv("TUTORIAL_CHECKPOINT", str(tiny("distilbert")))
    names = lessons.values(TRACK)
    assert "you named it" in recipe.fit(names, quick).data and names["checkpoint"] == str(tiny("distilbert"))


def broken(folder: Path, **changes) -> str:
    """The checkpoint in ``folder``, changed: ``config`` gives other words for its config, any other name a pattern of files to delete."""
    for name, value in changes.items():
        if name == "config":
            path = folder / "config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | value))
        else:
            for path in folder.glob(value):
                path.unlink()
    return str(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"model_type": "vit"}}, "A vit model has no class for this task"),
        ({"config": {"model_type": "nothing-of-the-kind"}}, "is no checkpoint that transformers"),
        ({"config": {"model_type": "tapas"}}, "A tapas model reads tables"),
        ({"weights": "*.safetensors"}, "holds no safetensors file"),
        ({"all": "config.json"}, "is no checkpoint that transformers"),
        ({"tokenizer": "tokenizer*"}, "tokenizer"),
    ],
)
def test_what_cannot_work_is_told_in_one_sentence(tiny, tmp_path, changes, words):
    shutil.copytree(tiny("bert"), tmp_path / "own")
    with pytest.raises(TutorialError) as caught:
        checkpoint.check(broken(tmp_path / "own", **changes), "pytorch", "01_text_classification")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_tokenizer_that_does_not_say_where_tokens_stand_is_told(tmp_path):
    (tmp_path / "vocab.json").write_text(
        json.dumps({word: place for place, word in enumerate(map(chr, range(33, 120)))})
    )
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "ctrl"}))
    with pytest.raises(TutorialError, match="where in a text its tokens stand"):
        checkpoint.check(str(tmp_path), "pytorch", "01_text_classification")


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_lesson_02_says_that_it_needs_vectors(tiny, family):
    checkpoint.check(str(tiny(family)), "pytorch", "01_text_classification")
    with pytest.raises(TutorialError, match="takes no vectors"):
        checkpoint.check(str(tiny(family)), "pytorch", checkpoint.WORDS)


def test_an_id_that_cannot_be_reached_is_told(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(TutorialError, match="is no checkpoint"):
        checkpoint.check("nobody/nothing-of-this-name", "pytorch", "01_text_classification")
