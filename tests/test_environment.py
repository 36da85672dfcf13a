"""What installs the kit elsewhere: conda, Binder, Colab, GitHub; and the make commands."""

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import nbformat
import pytest
import requests
import yaml
from packaging.requirements import Requirement
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import build

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = {
    requirement.name.lower().replace("_", "-"): requirement
    for requirement in map(Requirement, (ROOT / "requirements.txt").read_text().splitlines())
}


def test_everything_installed_is_pinned():
    assert all(re.fullmatch(r"==[^*]+", str(requirement.specifier)) for requirement in PINS.values())
    wanted = [
        *PROJECT["dependencies"],
        *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
    ]
    for requirement in map(Requirement, wanted):
        (pin,) = PINS[requirement.name.lower().replace("_", "-")].specifier
        assert requirement.specifier.contains(pin.version), requirement


def test_conda_installs_the_pinned_requirements():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["dependencies"][-1] == {"pip": ["-r requirements.txt", "-e ."]}


def test_binder_builds_what_we_think(monkeypatch):
    from repo2docker.buildpacks import CondaBuildPack

    monkeypatch.chdir(ROOT)
    pack = CondaBuildPack(base_image="docker.io/library/buildpack-deps:jammy")
    pack.platform = "linux/amd64"
    assert pack.detect()
    assert pack.python_version == "3.11"
    dockerfile = pack.render()
    assert "binder/environment.yml" in dockerfile and "binder/postBuild" in dockerfile
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert yaml.safe_load((ROOT / "binder" / "environment.yml").read_text())["dependencies"] == conda[:-1]
    script = (ROOT / "binder" / "postBuild").read_text()
    assert "--requirement requirements.txt" in script and "assets.embedded" in script
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


def test_the_workflow_runs_ci_on_every_python():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]
    assert jobs["pinned"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert all({"run": ".ci/run"} in job["steps"] for job in jobs.values())


def test_links_come_from_one_line(monkeypatch):
    monkeypatch.setattr(build, "repository", lambda: "https://github.com/someone/kit")
    for track in build.TRACKS:
        text = "\n".join(cell.source for cell in build.build(build.pages()[0], track).cells)
        path = f"notebooks/{track}/01_text_classification.ipynb"
        assert f"https://colab.research.google.com/github/someone/kit/blob/main/{path}" in text
        assert f"https://mybinder.org/v2/gh/someone/kit/main?labpath={path}" in text
        assert "git+https://github.com/someone/kit" in text and "OWNER" not in text


def test_the_readme_links_every_lesson():
    readme = (ROOT / "README.md").read_text()
    for page in build.pages():
        for track in build.TRACKS:
            path = build.target(page, track).relative_to(ROOT).as_posix()
            assert f"({path})" in readme
            assert (
                f"(https://colab.research.google.com/assets/colab-badge.svg)]({build.links(path)['colab']})" in readme
            )
            assert f"(https://mybinder.org/badge_logo.svg)]({build.links(path)['binder']})" in readme
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", readme):
        assert (ROOT / link).exists(), link


@pytest.mark.colab
@pytest.mark.parametrize(("track", "framework"), [("pytorch", "torch"), ("tensorflow", "tensorflow")])
def test_setup_as_on_colab(tmp_path, track, framework):
    """A machine with Jupyter and the framework, and no kit: the lesson's own first cells install it.

    A stand-in for google.colab is imported when the kernel starts, as on Colab, and git finds a local clone under the
    public address. The packages come in the versions that requirements.txt pins.
    """
    clone, home = tmp_path / "clone", tmp_path / "home"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[url "file://{clone}"]\n\tinsteadOf = {PROJECT["urls"]["repository"]}\n[safe]\n\tdirectory = *\n'
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TUTORIAL_", "PYTHON"))}
    # All but the framework, so that an upgrade of it would show.
    frameworks = ("torch", "tensorflow", "tf-keras")
    pins = [str(pin) for name, pin in PINS.items() if name not in frameworks]
    (tmp_path / "constraints.txt").write_text("\n".join(pins))
    environment |= {
        "HOME": str(home),
        "PIP_NO_COMPILE": "1",  # a quarter of the time
        "PIP_CONSTRAINT": str(tmp_path / "constraints.txt"),
        "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
        "TUTORIAL_PROFILE": "smoke",
        "TUTORIAL_ASSETS": "embedded",
        "TUTORIAL_OUTPUT": str(tmp_path / "model"),
        "PATH": f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}",
    }
    python = tmp_path / "venv" / "bin" / "python"

    def run(*command):
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(python, "-m", "pip", "install", "--quiet", "ipykernel", "nbconvert", str(PINS[framework]))
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "google").mkdir(exist_ok=True)
    (site / "google" / "colab.py").touch()
    (site / "colab_is_here.pth").write_text("import google.colab\n")
    version = f"import importlib.metadata as m; print(m.version('{framework}'))"
    before = run(python, "-c", version)

    notebook = nbformat.read(build.target(build.pages()[0], track), as_version=4)
    last = next(i for i, cell in enumerate(notebook.cells) if "settings.overview" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    nbformat.write(notebook, tmp_path / "setup.ipynb")
    run(python, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb", "setup.ipynb")

    assert run(python, "-c", version) == before
    shown = (tmp_path / "done.ipynb").read_text()
    assert "Assets: embedded, because you asked for them." in shown
    other = "tensorflow" if track == "pytorch" else "torch"
    assert run(python, "-c", f"import importlib.util as u; print(u.find_spec('{other}'))") == "None\n"


def test_make_alone_lists_the_commands():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    for name in ("lab", "run", "test", "notebooks", "lint", "clean"):
        assert f"make {name} " in listed


def run_lessons(folder, *arguments, **environment):
    command = [sys.executable, ROOT / "notebooks" / "run.py", "--folder", folder, *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)


def test_run_fails_when_a_lesson_does(tmp_path):
    """The Hub chosen, and none there: one sentence from the first cells, no entry in the summary, a red exit."""
    hub = {"TUTORIAL_ASSETS": "hub", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = run_lessons(tmp_path, "--track", "tensorflow", "--profile", "smoke", **hub)
    assert done.returncode == 1
    assert "TutorialError: TUTORIAL_ASSETS is hub, but http://127.0.0.1:9 does not answer" in done.stderr
    assert json.loads((tmp_path / "summary.json").read_text()) == []


def test_run_writes_a_summary_and_holds_the_bar(tmp_path):
    done = run_lessons(tmp_path, "--track", "pytorch", "--profile", "smoke", "--min-accuracy", "1.01")
    entry, second = json.loads((tmp_path / "summary.json").read_text())
    common = {"lesson", "track", "profile", "total_seconds", "silent_seconds", "silent_cell"}
    keys = (
        "assets seed device train_reviews test_reviews accuracy baseline_accuracy train_seconds peak_memory_gb versions"
    )
    assert set(entry) == {*common, *keys.split()}
    assert set(second) == common and second["lesson"] == "02_error_analysis"
    assert 0 < entry["silent_seconds"] < entry["total_seconds"]
    assert (entry["track"], entry["profile"], entry["assets"]) == ("pytorch", "smoke", "embedded")
    assert "training reviews" in done.stdout and "48" in done.stdout
    assert done.returncode == 1 and "is below 1.01" in done.stderr
    assert (tmp_path / "pytorch" / "01_text_classification.ipynb").exists()


def test_lab_listens_on_this_machine_alone_and_asks_for_its_token(tmp_path):
    """The command of `make lab`, without the browser that it opens."""
    recipe = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True, check=True)
    command = next(line for line in recipe.stdout.splitlines() if line.startswith("python notebooks/lab.py"))
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
