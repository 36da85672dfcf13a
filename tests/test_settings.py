"""Settings: what is allowed, what stops a lesson, and that nothing slow is imported."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from helpers import TutorialError, device, environments, settings

TRACK = environments.tracks()[0]


def resolve(tmp_path, track=TRACK, **arguments):
    return settings.resolve(track, output_dir=tmp_path / "model", **arguments)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("PROFILE", "ASSETS", "DEVICE", "OUTPUT"):
        monkeypatch.delenv(f"TUTORIAL_{name}", raising=False)
    monkeypatch.setattr(environments, "check_packages", lambda track: None)  # test_environments.py


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("PROFILE", "smoke, quick, full"), ("ASSETS", "auto, embedded, hub"), ("DEVICE", "auto, cpu, gpu")],
)
def test_unknown_value_names_the_allowed_ones(tmp_path, monkeypatch, name, allowed):
    monkeypatch.setenv(f"TUTORIAL_{name}", "huge")
    with pytest.raises(TutorialError, match=rf"TUTORIAL_{name} is 'huge'; it must be one of: {allowed}\."):
        resolve(tmp_path)


def test_environment_overrides_the_cell(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_PROFILE", "smoke")
    monkeypatch.setenv("TUTORIAL_OUTPUT", str(tmp_path / "elsewhere"))
    found = resolve(tmp_path, profile="full")
    assert (found.profile_name, found.output_dir) == ("smoke", tmp_path / "elsewhere")


@pytest.mark.parametrize("seed", [-1, 1.5, "42", True])
def test_bad_seed(tmp_path, seed):
    with pytest.raises(TutorialError, match="SEED"):
        resolve(tmp_path, seed=seed)


@pytest.mark.parametrize("track", settings.TRACKS)
def test_a_gpu_that_is_not_there(tmp_path, monkeypatch, track):
    monkeypatch.setattr(device, "find", lambda track, wanted: ("cpu", "CPU", "fp32"))
    with pytest.raises(TutorialError, match="finds no GPU on this machine"):
        resolve(tmp_path, track, device="gpu")


def test_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TutorialError, match="set TUTORIAL_OUTPUT to a folder you can write"):
        settings.resolve(TRACK, output_dir=tmp_path / "file" / "model")


def test_a_disk_with_too_little_room_is_told_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(settings.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**8))
    with pytest.raises(TutorialError, match="GB left, and training needs"):
        settings.resolve(TRACK, output_dir=tmp_path, device="cpu")


def test_the_full_profile_has_the_guides_numbers():
    full = settings.PROFILES["full"]
    assert (full.train_reviews, full.test_reviews, full.max_tokens) == (None, None, 512)
    assert full.epochs == {"pytorch": 2, "tensorflow": 3}


def python(code, **kwargs):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, **kwargs).stdout


def test_importing_helpers_imports_neither_framework(tmp_path):
    modules = (
        "errors settings device environments assets embedded hub pictures panels measures words results architectures"
    )
    code = f"import sys; from helpers import {modules.replace(' ', ', ')}; print('torch' in sys.modules, 'tensorflow' in sys.modules)"
    assert python(code, cwd=tmp_path).split() == ["False", "False"]


def test_a_tutorial_error_shows_one_sentence():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shown = []
    shell._showtraceback = lambda kind, value, lines: shown.extend(lines)
    shell.run_cell("from helpers import TutorialError\nraise TutorialError('Do this.')")
    assert shown == ["TutorialError: Do this."]
