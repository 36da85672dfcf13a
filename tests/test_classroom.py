"""A classroom server, as docs/classroom.md sets it up: ten learners run lesson 01 at once through a real JupyterHub."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import system

from helpers import environments

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "runs" / "classroom"
LEARNERS = 10


@pytest.fixture(scope="session")
def hub():
    """A folder with JupyterHub, its proxy, and a prepared cache that learners can read."""
    for tool in ("namespace", "mount", "npm"):
        system.need(tool)
    FOLDER.mkdir(parents=True, exist_ok=True)
    python, pins = FOLDER / "venv" / "bin" / "python", ROOT / "requirements" / "classroom.txt"
    done = FOLDER / "installed.txt"
    if not done.exists() or done.read_text() != pins.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", pins], check=True, capture_output=True)
        npm = [
            "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--prefix",
            FOLDER,
            "configurable-http-proxy@5.3.0",
        ]
        subprocess.run(npm, check=True, capture_output=True)
        done.write_text(pins.read_text())
    # As docs/classroom.md has it.
    prepare = "from helpers import packages; packages.reviews_folder(); packages.snippets_folder()"
    track = environments.tracks()[0]
    subprocess.run(
        [environments.python(track), "-c", prepare],
        cwd=ROOT,
        env=os.environ | {"TUTORIAL_CACHE": str(FOLDER / "cache")},
        check=True,
    )
    return FOLDER


@pytest.mark.slow
@pytest.mark.xdist_group("classroom")
def test_ten_learners_run_lesson_01_at_once(hub, capsys):
    track = environments.tracks()[0]
    if os.getuid():
        pytest.skip(f"{system.LACKS}namespace: {system.INSTALL['namespace']}")
    command = [sys.executable, ROOT / "tests" / "room.py", "--hub", hub, "--track", track, "--learners", str(LEARNERS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:] + (hub / "hub.log").read_text()[-3000:]
    room = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        print(
            f"\n{LEARNERS} learners, {track}: {room['seconds']} s, {room['memory_all']} GB, {room['memory_each']} GB each at most"
        )
    assert len(room["each"]) == LEARNERS and all(room["learned"].values())
    assert room["killed"] == 1
    assert room["spied"].startswith("SPIED []") and not room["spied"].endswith(" 0")
    assert room["statuses"] == [403, 200, 403, 404]  # the last: the hub hides whose tokens there are
    assert not (hub / "homes").exists()
    shutil.rmtree(hub / "cache")
