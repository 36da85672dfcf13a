"""What installs the kit elsewhere: conda, Binder, Codespaces, GitHub; and the make commands."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import requests
import yaml
from requests.adapters import HTTPAdapter
from system import PROCESSES
from urllib3.util import Retry

import build
from helpers import environments

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_conda_brings_what_make_needs():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert {"python=3.11", "pip", "make", "git", "git-lfs"} == set(conda["dependencies"])
    for track in build.TRACKS:
        assert f"make lab TRACK={track}" in (ROOT / "environment.yml").read_text()


def test_binder_builds_what_we_think(monkeypatch):
    from repo2docker.buildpacks import CondaBuildPack

    monkeypatch.chdir(ROOT)
    pack = CondaBuildPack(base_image="docker.io/library/buildpack-deps:jammy")
    pack.platform = "linux/amd64"
    assert pack.detect()
    assert pack.python_version == "3.11"
    dockerfile = pack.render()
    assert "binder/environment.yml" in dockerfile and "binder/postBuild" in dockerfile
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


# The installations themselves take minutes; here the packages are those that a kernel needs.
SMALL = {"shared": ["ipykernel"], "pytorch": [], "tensorflow": []}


@pytest.fixture
def clone(tmp_path):
    """The project in a folder of its own, with few pins, and a home and a Jupyter of its own."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".venv", ".git", "runs", "__pycache__", "*.ipynb"))
    for name, packages in SMALL.items():
        file = folder / "requirements" / f"{name}.txt"
        lines = [line for line in file.read_text().splitlines() if line.split("==")[0] in packages]
        file.write_text("\n".join(["# few", *lines]) + "\n")
    return folder


@pytest.mark.slow
def test_binders_script_makes_a_kernel_for_each_track(clone, tmp_path):
    """The script itself, with few packages. Its last two commands need the others, and run in the environment that is there."""
    script = (clone / "binder" / "postBuild").read_text()
    head, _, tail = script.partition("# The reviews are ready")
    assert tail.count(".venv/pytorch/bin/python") == 2 and tail.endswith("lab.py --page-only\n")
    tail = tail.replace(".venv/pytorch/bin/python", sys.executable)
    done = subprocess.run(["bash", "-ec", f"# {tail}"], cwd=clone, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0 and (clone / "notebooks" / "index.ipynb").exists(), done.stderr[-2000:]
    server = tmp_path / "server"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", server], check=True)
    tools = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{server / 'bin'}:{tools}:{os.environ['PATH']}",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    script = head.replace("jupyter kernelspec", f"{sys.executable} -m jupyter_client.kernelspecapp")
    script = script.replace("--sys-prefix", f"--prefix {server}")
    done = subprocess.run(["bash", "-c", script], cwd=clone, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    assert done.stdout.count("with uv.") == 2 and not (tmp_path / "cache").exists()
    for track in build.TRACKS:
        kernel = server / "share" / "jupyter" / "kernels" / environments.kernel(track) / "kernel.json"
        assert json.loads(kernel.read_text())["argv"][0] == str(clone / ".venv" / track / "bin" / "python")


@pytest.mark.slow
def test_codespaces_runs_make(clone, tmp_path):
    """The container's file is parsed, and its commands run with a Python of their own, into which the first installs uv."""
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["image"].endswith("python:3.11")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "container"], check=True)
    environment = os.environ | {"PATH": f"{tmp_path / 'container' / 'bin'}:{os.environ['PATH']}"}
    for name in ("TUTORIAL_TRACKS", "TRACK", "ARGS", "MAKEFLAGS", "MAKELEVEL"):
        environment.pop(name, None)
    for name in ("onCreateCommand", "postAttachCommand"):
        done = subprocess.run(container[name], shell=True, cwd=clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    assert {track for track in build.TRACKS if (clone / ".venv" / track / ".ready").exists()} == set(build.TRACKS)


def test_the_workflow_runs_ci_on_every_python_and_each_track_at_its_bounds():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]
    assert jobs["pinned"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert {"run": ".ci/run"} in jobs["pinned"]["steps"]
    assert jobs["bounds"]["strategy"]["matrix"]["track"] == list(build.TRACKS)
    assert {"run": "make lowest TRACK=${{ matrix.track }}"} in jobs["bounds"]["steps"]


def test_links_come_from_one_line(monkeypatch):
    monkeypatch.setattr(build, "repository", lambda: "https://github.com/someone/kit")
    for track in build.TRACKS:
        text = "\n".join(cell.source for cell in build.build(build.pages()[0], build.Variant(track)).cells)
        path = f"notebooks/{track}/01_text_classification.ipynb"
        assert f"https://colab.research.google.com/github/someone/kit/blob/main/{path}" in text
        assert f"https://mybinder.org/v2/gh/someone/kit/main?labpath={path}" in text
        assert "git+https://github.com/someone/kit" in text and "OWNER" not in text


def test_the_readme_links_every_lesson():
    readme = (ROOT / "README.md").read_text()
    for page in build.pages():
        for track in build.TRACKS:
            path = build.target(page, build.Variant(track)).relative_to(ROOT).as_posix()
            assert f"({path})" in readme
            assert (
                f"(https://colab.research.google.com/assets/colab-badge.svg)]({build.links(path)['colab']})" in readme
            )
            opens = f"(https://mybinder.org/badge_logo.svg)]({build.links(path)['binder']})" in readme
            assert opens == (page.stem != PROCESSES)  # which needs more memory than Binder has
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", readme):
        assert (ROOT / link).exists(), link


def test_make_alone_lists_the_commands():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    for name in ("lab", "run", "test", "notebooks", "lint", "clean"):
        assert f"make {name} " in listed


def run_lessons(folder, track, *arguments, **environment):
    command = [sys.executable, ROOT / "notebooks" / "run.py", "--folder", folder, *arguments]
    environment |= {"TUTORIAL_TRACKS": track}
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)


@pytest.mark.parametrize("track", ["tensorflow"])
def test_run_fails_when_a_lesson_does(tmp_path, track):
    """The Hub chosen, and none there: one sentence from the first cells, no entry in the summary, a red exit."""
    hub = {"TUTORIAL_ASSETS": "hub", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = run_lessons(tmp_path, track, "--profile", "smoke", **hub)
    assert done.returncode == 1
    assert "TutorialError: TUTORIAL_ASSETS is hub, but http://127.0.0.1:9 does not answer" in done.stderr
    assert json.loads((tmp_path / "summary.json").read_text()) == []


@pytest.mark.slow  # CI runs all lessons so, at the quick profile
@pytest.mark.parametrize("track", ["pytorch"])
def test_run_writes_a_summary_and_holds_the_bar(tmp_path, track):
    done = run_lessons(tmp_path, track, "--profile", "smoke", "--min-accuracy", "1.01")
    entry, *others = json.loads((tmp_path / "summary.json").read_text())
    common = {
        "lesson",
        "track",
        "profile",
        "total_seconds",
        "silent_seconds",
        "silent_cell",
        "sum_memory_gb",
        "part_seconds",
    }
    keys = "assets checkpoint seed device train_reviews test_reviews accuracy baseline_accuracy train_seconds peak_memory_gb versions"
    assert set(entry) == {*common, *keys.split()}
    assert [one["lesson"] for one in others] == [page.stem for page in build.pages()[1:]]
    assert all(set(one) == common for one in others)
    assert 0.5 < entry["peak_memory_gb"] < entry["sum_memory_gb"] + 0.2 < 4
    assert 0 < entry["silent_seconds"] < entry["total_seconds"]
    assert (entry["track"], entry["profile"], entry["assets"]) == ("pytorch", "smoke", "embedded")
    assert "training reviews" in done.stdout and "48" in done.stdout
    assert done.returncode == 1 and "is below 1.01" in done.stderr
    assert (tmp_path / "pytorch" / "01_text_classification.ipynb").exists()
    kept = json.loads((tmp_path / "minutes.json").read_text())["lessons"]["01_text_classification"]["pytorch"]
    assert list(kept) == list(build.facts(build.pages()[0])["parts"]) and kept["Train"] > kept["Share"] >= 0


def test_lab_listens_on_this_machine_alone_and_asks_for_its_token(tmp_path):
    """The command of `make lab`, without the browser that it opens."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "ARGS"}
    recipe = subprocess.run(["make", "-n", "lab"], cwd=ROOT, env=here, capture_output=True, text=True, check=True)
    command = next(line for line in recipe.stdout.splitlines() if "notebooks/lab.py" in line)
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    server = subprocess.Popen(
        [sys.executable, *command.split()[1:], "--no-browser", "--port=0", "--allow-root"], cwd=ROOT, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        started = time.monotonic()
        while not (files := list(tmp_path.glob("jpserver-*.json"))):
            assert server.poll() is None and time.monotonic() - started < 60
            time.sleep(0.1)
        info = json.loads(files[0].read_text())
        assert info["hostname"] == "127.0.0.1" and len(info["token"]) >= 32
        address = f"http://127.0.0.1:{info['port']}/api/contents"
        retries = Retry(connect=20, backoff_factor=0.1)  # the file is there a little before the server listens
        session = requests.Session()
        session.mount("http://", HTTPAdapter(max_retries=retries))
        assert session.get(address, timeout=10).status_code == 403
        assert requests.get(address, params={"token": info["token"]}, timeout=10).status_code == 200
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_no_code_from_a_download_is_trusted():
    for path in [*ROOT.glob("helpers/**/*.py"), *ROOT.glob("notebooks/source/*.md")]:
        assert "trust_remote_code" not in path.read_text(), path
