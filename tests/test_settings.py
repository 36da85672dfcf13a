"""Settings: what is allowed, what stops a lesson, and that nothing slow is imported."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from helpers import TutorialError, environments, lessons, process, recipe, settings

TRACK = environments.tracks()[0]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("PROFILE", "ASSETS", "DEVICE", "OUTPUT"):
        monkeypatch.delenv(f"TUTORIAL_{name}", raising=False)
    monkeypatch.setattr(environments, "check_packages", lambda track: None)  # test_environments.py


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("PROFILE", "smoke, quick, full"), ("ASSETS", "auto, embedded, hub"), ("DEVICE", "auto, cpu, gpu")],
)
def test_unknown_value_names_the_allowed_ones(monkeypatch, name, allowed):
    monkeypatch.setenv(f"TUTORIAL_{name}", "huge")
    with pytest.raises(TutorialError, match=rf"TUTORIAL_{name} is 'huge'; it must be one of: {allowed}\."):
        settings.resolve(TRACK)


@pytest.mark.parametrize("value", [["quick"], 3, None, {"quick": 1}, "x" * 1000])
def test_a_value_that_is_no_word(value):
    with pytest.raises(TutorialError, match=r"TUTORIAL_PROFILE is .{1,60}; it must be one of"):
        settings.resolve(TRACK, profile=value)


def test_environment_overrides_the_cell(monkeypatch):
    monkeypatch.setenv("TUTORIAL_PROFILE", "smoke")
    assert settings.resolve(TRACK, profile="full").profile_name == "smoke"


def test_resolve_changes_nothing(monkeypatch):
    before = dict(os.environ)
    settings.resolve(TRACK, profile="smoke", device="cpu")
    assert dict(os.environ) == before


@pytest.mark.parametrize("seed", [-1, 1.5, "42", True, 2**32])
def test_bad_seed(seed):
    with pytest.raises(TutorialError, match=r"^seed is .*; it must be a whole number from 0 to 4294967295.$"):
        recipe.check_seed(seed)


@pytest.mark.parametrize("track", settings.TRACKS)
def test_a_gpu_that_is_not_there(monkeypatch, track):
    monkeypatch.setattr(process, "find", lambda track, wanted: ("cpu", "CPU", "fp32"))
    monkeypatch.setattr(process, "set_up", lambda track, keep_memory: None)
    monkeypatch.setattr(process.progress, "watch", lambda expected: None)
    with pytest.raises(TutorialError, match="finds no GPU on this machine"):
        process.prepare(settings.resolve(track, device="gpu"))


def test_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TutorialError, match="set output_dir to a folder you can write"):
        recipe.check_folder(tmp_path / "file" / "model", 1)


def test_a_disk_with_too_little_room_is_told_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**8))
    with pytest.raises(TutorialError, match="GB left, and training needs"):
        recipe.check_folder(tmp_path, 0.6)


@pytest.mark.parametrize("track", settings.TRACKS)
def test_the_guides_values_stand_in_the_lessons(track):
    guide = lessons.values(track)
    assert (guide["learning_rate"], guide["batch_size"], guide["max_length"]) == (2e-5, 16, 512)
    assert guide["num_epochs"] == {"pytorch": 2, "tensorflow": 3}[track]
    assert (guide["dataset"], guide["checkpoint"]) == ("stanfordnlp/imdb", "distilbert/distilbert-base-uncased")


@pytest.fixture
def names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lessons.values(TRACK)


def rows(shown) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in shown.data.splitlines() if line.startswith("| `")]
    return {name.strip("`"): cells for name, *cells in lines}


def test_the_full_profile_on_the_hub_changes_nothing_but_how_batches_are_made(names):
    full = settings.Settings(TRACK, "full", "hub", "gpu")
    guide = dict(names)
    shown = rows(recipe.fit(names, full))
    assert set(shown) <= {"train_sampling_strategy"}
    assert {name for name in guide if guide[name] != names[name]} == set(shown)


def test_values_are_fitted_and_shown_and_what_a_learner_set_stays(names):
    quick = settings.Settings(TRACK, "quick", "embedded", "cpu")
    names |= {"learning_rate": 1e-3, "max_length": 64}
    shown = rows(recipe.fit(names, quick))
    assert names["learning_rate"] == 1e-3 and shown["learning_rate"] == ["2e-05", "0.001", "you set it"]
    assert names["train_size"] == 2_400 and shown["train_size"][:2] == ["all", "2400"]
    assert names["frozen_layers"] == 3 and names["warmup_ratio"] == 0.1
    assert "seed" not in shown and "batch_size" not in shown
    once = dict(names)
    assert rows(recipe.fit(names, quick)) == shown and names == once  # the cell may run again


def test_the_messages_costs_go_with_the_messages_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick, lesson = settings.resolve(TRACK), "04_own_texts"
    names = lessons.values(TRACK, lesson)
    shown = recipe.fit(names, quick, lesson)
    assert names["data_file"].endswith("spam_collection.csv") and names["cost_false_alarm"] == 10
    assert "written above" in shown.data and recipe.fit(names, quick, lesson).data == shown.data
    names = lessons.values(TRACK, lesson) | {"data_file": "mine.csv"}
    recipe.fit(names, quick, lesson)
    assert names["data_file"] == "mine.csv" and names["cost_false_alarm"] == 1
    (tmp_path / "messages.csv").touch()  # a learner's own, of the name that the values have
    names = lessons.values(TRACK, lesson)
    recipe.fit(names, quick, lesson)
    assert names["data_file"] == "messages.csv" and names["cost_false_alarm"] == 1


def test_why_a_value_was_fitted_is_said(names):
    quick = settings.Settings(TRACK, "quick", "embedded", "cpu", "a test asks", "CPU, 2 threads", "bf16")
    shown = recipe.fit(names, quick)
    assert shown.data.startswith(
        "| name | the guide | here | why |\n|---|---|---|---|\n| `dataset` | `stanfordnlp/imdb` | `…/"
    )
    assert (
        "\n\nProfile: quick. Device: CPU, 2 threads, bf16. Assets: embedded, because a test asks.\n\nVersions: python 3"
        in shown.data
    )
    why = {name: cells[-1] for name, cells in rows(shown).items()}
    assert why["train_size"] == why["test_size"] == why["validation_size"] == "profile quick: minutes instead of hours"
    assert why["max_length"] == "profile quick: fewer tokens take less time"
    assert (
        why["truncation_side"] == "profile quick: the end is a guess at where reviewers sum up"
        and why["num_epochs"] == "profile quick"
    )
    assert why["precision"] == "this device computes faster in half precision"
    assert why["dataset"] == "it is on this machine" and why["learning_rate"] == "it suits this small checkpoint"
    assert rows(shown)["config_changes"][:2] == [
        "none",
        "`attention_probs_dropout_prob` 0.0, `hidden_dropout_prob` 0.0",
    ]
    assert names["precision"] == "bf16" and names["truncation_side"] == "left"


@pytest.mark.parametrize(
    ("device", "profile", "estimated"), [("cpu", "quick", True), ("gpu", "quick", False), ("cpu", "smoke", False)]
)
def test_a_time_is_promised_only_where_it_was_measured(monkeypatch, device, profile, estimated):
    watched = []
    monkeypatch.setattr(process.progress, "watch", watched.append)
    monkeypatch.setattr(process, "set_up", lambda track, keep_memory: None)
    monkeypatch.setattr(process, "find", lambda track, wanted: (device, "a device", "fp32"))
    monkeypatch.setattr(process.minutes, "seconds", lambda *_: 158.0)
    process.prepare(settings.resolve(TRACK, profile=profile, assets="embedded"))
    texts = ("trainer.train(", "model.fit(", "first_model.find_or_train(")
    assert watched == [dict.fromkeys(texts, 158.0) if estimated else {}]


@pytest.mark.parametrize(("profile", "kept"), [("smoke", False), ("quick", False), ("full", True)])
def test_freed_memory_is_kept_only_where_batches_are_large(monkeypatch, profile, kept):
    asked = []
    monkeypatch.setattr(process.progress, "watch", lambda expected: None)
    monkeypatch.setattr(process, "set_up", lambda track, keep_memory: asked.append(keep_memory))
    monkeypatch.setattr(process, "find", lambda track, wanted: ("cpu", "a device", "fp32"))
    process.prepare(settings.resolve(TRACK, profile=profile, assets="embedded"))
    assert asked == [kept]


def test_the_environment_names_the_folder(names, tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_OUTPUT", str(tmp_path / "else" / "where"))
    shown = rows(recipe.fit(names, settings.Settings(TRACK, "smoke", "hub", "cpu")))
    assert names["output_dir"] == str(tmp_path / "else" / "where") and (tmp_path / "else" / "where").is_dir()
    assert shown["output_dir"] == ["`my_awesome_model`", "`…/else/where`", "TUTORIAL_OUTPUT says so"]
    assert not list((tmp_path / "else" / "where").iterdir())


def test_nothing_is_changed_where_the_folder_cannot_be_written(names, tmp_path):
    (tmp_path / "file").touch()
    names["output_dir"] = str(tmp_path / "file" / "model")
    before = dict(names)
    with pytest.raises(TutorialError, match="cannot be saved"):
        recipe.fit(names, settings.Settings(TRACK, "quick", "embedded", "cpu"))
    assert names == before


@pytest.mark.parametrize(
    ("about", "precision"),
    [
        ("GenuineIntel avx512_bf16 amx_bf16", "bf16"),
        ("GenuineIntel avx512_bf16", "fp32"),
        ("AuthenticAMD avx512_bf16", "bf16"),
        ("AuthenticAMD avx2", "fp32"),
    ],
)
def test_half_precision_only_where_it_is_faster(monkeypatch, about, precision):
    monkeypatch.setattr(process.Path, "read_text", lambda path: about)
    assert process.cpu_precision() == precision


def python(code, **kwargs):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, **kwargs).stdout


def test_importing_helpers_imports_neither_framework(tmp_path):
    modules = (
        "architectures assets checks environments errors first_model hub lessons minutes packages panels pictures process "
        "progress recipe results resume settings words"
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
