"""The doctor: what it finds on this machine and on broken ones, its code, and a teacher's table of codes."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import environments, minutes
from helpers.doctor import look, report
from helpers.errors import TutorialError

ROOT = Path(__file__).parents[1]
WELL = {
    "python": "3.12.3", "kernel": "", "widgets": "", "gpu": "", "speed": 100, "missing": [], "others": [], "unfit": "",
    "data": "", "framework": "", "model": "",
}  # fmt: skip
FACTS = {
    "python": "3.12.3", "system": "Darwin arm64", "processor": "Apple M3", "cores": 8, "bf16": 0, "memory": 16.0, "free": 9.5,
    "disk": 80.2, "browser": 1, "hub": "", "wanted": [], "tracks": {"pytorch": WELL, "tensorflow": WELL},
}  # fmt: skip


def doctor(*arguments, root=ROOT, **env) -> subprocess.CompletedProcess:
    command = [env.pop("python", sys.executable), "-m", "helpers", "doctor", *arguments]
    return subprocess.run(command, cwd=root, env=os.environ | env, capture_output=True, text=True)


def with_track(**changes) -> dict:
    return FACTS | {"tracks": {"pytorch": WELL | changes}}


@pytest.mark.xdist_group("doctor")
def test_this_machine_is_ready_and_its_code_says_so_too():
    start = time.monotonic()
    done = doctor()
    assert done.returncode == 0, done.stdout + done.stderr
    if "CI" not in os.environ:  # there a framework may be read from the disk for the first time, beside other tests
        assert time.monotonic() - start < 60
    for track in environments.tracks():
        for topic in ("packages", "kernel", "widgets", "data", "model"):
            (line,) = re.findall(rf"^(\S+) +{environments.NAMES[track]} {topic} .*$", done.stdout, re.M)
            assert line == "ok"
    assert "This machine is ready." in done.stdout and "Traceback" not in done.stdout + done.stderr
    before, _, code = done.stdout.partition("Code for your teacher: ")
    assert len(code.strip()) < 200
    assert doctor("--decode", code.strip()).stdout == before


@pytest.fixture
def bare(tmp_path):
    """The kit where nothing is installed, and a Python that has the standard library alone."""
    for name in ("helpers", "requirements", "pyproject.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    return tmp_path, str(tmp_path / "bare" / "bin" / "python")


def test_nothing_is_installed(bare):
    root, python = bare
    done = doctor(root=root, python=python)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for title, track in (("PyTorch", "pytorch"), ("TensorFlow", "tensorflow")):
        assert re.search(rf"^STOP +{title} +is not installed; run: make install TRACK={track}$", done.stdout, re.M)
    assert "2 thing(s) to mend" in done.stdout and "Code for your teacher: TC1-" in done.stdout


def test_an_environment_without_its_packages(bare):
    root, python = bare
    for track in look.NAMES:
        (root / ".venv" / track / "bin").mkdir(parents=True)
        shutil.copy(Path(python).parent.parent / "pyvenv.cfg", root / ".venv" / track)
        (root / ".venv" / track / "bin" / "python").symlink_to(os.path.realpath(python))
    done = doctor("--track", "pytorch", root=root, python=python)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "TensorFlow" not in done.stdout
    for topic in ("packages", "kernel", "data", "model"):
        assert re.search(rf"^STOP +PyTorch {topic} .*make install TRACK=pytorch$", done.stdout, re.M), topic
    assert re.search(r"^note +PyTorch widgets +ipywidgets is not installed", done.stdout, re.M)


def test_a_python_that_does_not_start(bare):
    root, python = bare
    (root / ".venv" / "pytorch" / "bin").mkdir(parents=True)
    program = root / ".venv" / "pytorch" / "bin" / "python"
    program.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 3\n")
    program.chmod(0o755)
    done = doctor("--track", "pytorch", root=root, python=python)
    assert done.returncode == 1 and "does not run (no such library); run: make install TRACK=pytorch" in done.stdout
    program.chmod(0o644)
    assert "cannot be started" in doctor("--track", "pytorch", root=root, python=python).stdout or os.access(
        program, os.X_OK
    )


@pytest.mark.parametrize(
    ("facts", "topic", "words", "stops"),
    [
        (FACTS | {"free": 0.8}, "memory", "0.8 GB are free of 16.0", True),
        (FACTS | {"memory": 0, "free": 0}, "memory", "cannot be told", False),
        (FACTS | {"disk": 0.2}, "disk", "0.2 GB free, and 0.6 GB are needed", True),
        (FACTS | {"hub": "timeout"}, "Hub", "out of reach (timeout)", False),
        (FACTS | {"browser": 0}, "browser", "open the address", False),
        (with_track(missing=["torch", "numpy"]), "PyTorch packages", "missing: torch, numpy", True),
        (with_track(unfit="torch 2.0 is installed"), "PyTorch packages", "torch 2.0 is installed", True),
        (with_track(others=["numpy 2.0"]), "PyTorch packages", "not the pinned releases", False),
        (with_track(kernel="is not registered"), "PyTorch kernel", "make install", True),
        (with_track(widgets="gone"), "PyTorch widgets", "gone", False),
        (with_track(data="a file is not whole"), "PyTorch data", "a file is not whole", True),
        (with_track(framework="ImportError: libfoo"), "PyTorch model", "libfoo", True),
        (with_track(model="ValueError"), "PyTorch model", "ValueError", True),
        (with_track(gpu="NVIDIA T4"), "PyTorch model", "on NVIDIA T4", False),
        (FACTS | {"tracks": {"pytorch": WELL, "tensorflow": {"problem": "is not installed"}}}, "TensorFlow", "if you want it", False),
        (FACTS | {"wanted": ["tensorflow"], "tracks": {"tensorflow": {"problem": "is not installed"}}}, "TensorFlow", "run: make", True),
    ],
)  # fmt: skip
def test_each_finding_says_what_to_do_and_stops_where_no_lesson_would_run(facts, topic, words, stops):
    (line,) = [line for line in report.lines(facts) if line[1] == topic]
    assert words in line[2] and (line[0] == report.STOP) == stops
    assert report.is_ready(facts) == (not stops)
    assert report.lines(report.decode(report.encode(facts))) == report.lines(facts)


def test_times_follow_from_the_speed_of_the_machine():
    known = minutes.read()["machine"]["gflops"]
    slow, fast = (
        dict((topic, text) for _, topic, text in report.lines(with_track(speed=known * by))) for by in (0.25, 1)
    )
    assert "01 3 minutes" in fast["PyTorch time"] and "01 11 minutes" in slow["PyTorch time"]


@given(st.text(max_size=200))
def test_what_is_no_code_is_told(text):
    for code in (text, report.MARK + text):
        with pytest.raises(TutorialError, match="is no whole code of the doctor"):
            report.decode(code)


@given(st.integers(0, 79), st.characters(min_codepoint=48, max_codepoint=122))
def test_a_code_with_a_wrong_letter_is_told_or_harmless(place, letter):
    code = report.encode(FACTS)
    place = len(report.MARK) + place % (len(code) - len(report.MARK))
    try:
        facts = report.decode(code[:place] + letter + code[place + 1 :])
    except TutorialError:
        return
    assert facts == FACTS


def forged(values) -> str:
    packer = zlib.compressobj(9, zdict=report.COMMON)
    packed = packer.compress(json.dumps(values).encode()) + packer.flush()
    return report.MARK + base64.urlsafe_b64encode(packed).decode().rstrip("=")


@pytest.mark.parametrize(
    "values", [0, [], {}, "x" * 10**6, [0] * 11, [0] * 40, [*[0] * 11, 7, ["x"]], [*[""] * 11, 0, [1] * 11]]
)
def test_a_forged_code_is_told(values):
    with pytest.raises(TutorialError):
        report.decode(forged(values))


def test_a_code_cannot_control_the_terminal(capsys):
    report.show(FACTS | {"processor": "\x1b[2J\x07evil\u202e"}, with_code=False)
    shown = capsys.readouterr().out
    assert "evil" in shown and not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_the_table_of_a_class(tmp_path, capsys):
    lacking = FACTS | {"tracks": {"pytorch": {"problem": "is not installed"}}}
    file = tmp_path / "class.txt"
    codes = [
        f"Ada Lovelace: {report.encode(FACTS)}",
        report.encode(with_track(data="[bold]gone[/bold]")),
        "",
        f"Eve, {report.encode(lacking)[:-9]}",
    ]
    file.write_text("\n".join(codes))
    assert report.show_class(str(file)) == 1
    shown = capsys.readouterr().out
    assert re.search(r"^Ada Lovelace +yes +PyTorch TensorFlow +9\.5 GB +80\.2 GB +\S+", shown, re.M)
    assert re.search(r"^line 2 +no .*PyTorch data: \[bold\]gone\[/bold\]; run: make install", shown, re.M)
    assert re.search(r"^Eve +\? +the code is not whole$", shown, re.M) and "1 of 3 are ready." in shown
    file.write_text(codes[0])
    assert report.show_class(str(file)) == 0
    for content in (None, ""):
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(TutorialError):
            report.show_class(str(file))


def test_a_terminal_gets_a_table_with_colours(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert report.show(with_track(data="[red]gone[/red]"), with_code=False) == 1
    shown = capsys.readouterr().out
    assert "┃" in shown and "[red]gone[/red]" in shown


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "no address"])
def test_the_hub_is_asked_for_three_seconds_at_most(monkeypatch, endpoint):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    start = time.monotonic()
    assert look.hub_problem() and time.monotonic() - start < 4
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert look.hub_problem() == "HF_HUB_OFFLINE is set"
