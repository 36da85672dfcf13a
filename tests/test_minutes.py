"""How long the parts of a lesson take, in words, and what is said where nobody has measured."""

import json
import subprocess
import sys
import time

import pytest

from helpers import minutes

MEASURED = {
    "machine": {"cores": 2, "processor": "AMD EPYC"},
    "lessons": {"01_page": {"pytorch": {"Load": 4.0, "Train": 100.0}}},
}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "not measured"),
        (0.2, "seconds"),
        (9.9, "seconds"),
        (10, "about 10 seconds"),
        (47, "about 50 seconds"),
        (50, "about a minute"),
        (89, "about a minute"),
        (90, "about 2 minutes"),
        (200, "about 3 minutes"),
        (600, "about 10 minutes"),
    ],
)
def test_a_time_in_words(value, words):
    assert minutes.spoken(value) == words


@pytest.fixture
def measured(tmp_path, monkeypatch):
    monkeypatch.setattr(minutes, "FILE", tmp_path / "minutes.json")
    minutes.FILE.write_text(json.dumps(MEASURED))


def test_parts_and_their_sum(measured):
    assert minutes.seconds("01_page", "pytorch", "Train") == 100 and minutes.seconds("01_page", "pytorch") == 104
    assert minutes.seconds("01_page", "pytorch", "Share") is None
    assert minutes.seconds("01_page", "tensorflow") is None and minutes.seconds("02_page", "pytorch", "Load") is None


def test_the_machine_is_named(measured):
    assert minutes.where() == "The times are those of the quick profile on 2 cores of an AMD EPYC."


def test_where_nothing_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(minutes, "FILE", tmp_path / "minutes.json")
    assert minutes.read() == {} and minutes.seconds("01_page", "pytorch") is None
    assert minutes.seconds("01_page", "pytorch", "Load") is None
    assert minutes.where() == "No times have been measured yet."


def test_the_memory_of_a_lesson_counts_what_it_started():
    """Lesson 05 trains in processes of its own: here a process starts another, which holds 300 MB."""
    import memory

    inner = "held = bytearray(300_000_000); print(len(held), flush=True); input()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    command = [sys.executable, "-c", outer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        sampler = memory.Sampler(process.pid)
        time.sleep(1.2)
        assert 0.3 < sampler.stop() < 0.4
        process.communicate("\n", timeout=20)
