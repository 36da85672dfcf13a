"""A machine that lacks git-lfs, Chromium or the right to mount: tests say so, and in CI none is left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import system

ROOT = Path(__file__).parents[1]
TESTS = """
import system

def test_a_push():
    system.need("git-lfs")

def test_a_page():
    system.need("chromium")

def test_another_page():
    system.need("chromium")
"""


def run(tmp_path, **environment):
    file = ROOT / "tests" / f"test_bare_{os.getpid()}.py"
    file.write_text(TESTS)
    try:
        command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", file]
        bare = system.path_without(tmp_path, "git-lfs", "chromium", "chromium-browser", "google-chrome")
        here = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
        here |= {"PATH": bare, "CI": ""}
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=here | environment)
    finally:
        file.unlink()


@pytest.mark.parametrize("words", [[], ["-q"]], ids=str)
def test_the_last_line_counts_what_was_left_out_and_says_how_to_get_it(tmp_path, words):
    done = run(tmp_path, PYTEST_ADDOPTS=" ".join(words))
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == (
        "3 tests were left out, because this machine lacks git-lfs and chromium. "
        "To run them too: apt-get install git-lfs; apt-get install chromium."
    )


def test_in_ci_nothing_is_left_out(tmp_path):
    done = run(tmp_path, CI="true")
    assert done.returncode == 1 and "3 failed" in done.stdout, done.stdout


def test_what_there_is_is_found():
    assert system.has("git") and not system.has("no-such-tool")
    assert system.summary(["needs the environments of both tracks"]) is None
