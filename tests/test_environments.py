"""The environments of the tracks: how they are made, what happens in the wrong one, and what the pins promise."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import uv
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement
from system import path_without

import build
from helpers import TutorialError, environments

ROOT = Path(__file__).parents[1]
INSTALL = ROOT / "requirements" / "install.py"
OTHER = {"pytorch": "tensorflow", "tensorflow": "pytorch"}


def pins(*names: str) -> dict[str, Requirement]:
    lines = [line for name in names for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()]
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    assert len({pin.name for pin in found}) == len(found), "a package is pinned twice"
    return {pin.name: pin for pin in found}


@pytest.mark.parametrize("track", build.TRACKS)
def test_everything_a_track_needs_is_pinned_within_its_range(track):
    here = pins("shared", track, "tests")
    assert all(re.fullmatch(r"==[^*]+", str(pin.specifier)) for pin in here.values())
    for needed in map(Requirement, importlib.metadata.requires(environments.DISTRIBUTION)):
        if any(
            needed.marker is None or needed.marker.evaluate({"extra": extra})
            for extra in (track, "lab", "many", "tests")
        ):
            (pin,) = here[needed.name.lower().replace("_", "-")].specifier
            assert needed.specifier.contains(pin.version), needed


def test_no_track_carries_the_other_or_a_release_with_a_known_hole():
    assert "torch" not in pins("shared", "tensorflow") and "accelerate" not in pins("shared", "tensorflow")
    assert "tensorflow" not in pins("shared", "pytorch", "tests")
    ranges = {needed.name: [] for needed in map(Requirement, importlib.metadata.requires(environments.DISTRIBUTION))}
    for needed in map(Requirement, importlib.metadata.requires(environments.DISTRIBUTION)):
        ranges[needed.name].append(needed.specifier)
    # CVE-2026-4372: code from a config.json, 4.56.0 to 5.2.x. CVE-2026-1839: torch.load, before 2.6.
    assert not any(
        allowed.contains(bad) for allowed in ranges["transformers"] for bad in ("4.56.0", "4.57.6", "5.0.0", "5.2.1")
    )
    assert not any(allowed.contains("2.5.1") for allowed in ranges["torch"])


@pytest.mark.parametrize("track", build.TRACKS)
def test_the_environment_has_its_track_alone(track):
    code = "import importlib.util as u; print([n for n in ('torch', 'tensorflow', 'accelerate') if u.find_spec(n)])"
    done = subprocess.run([environments.python(track), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == {"pytorch": "['torch', 'accelerate']", "tensorflow": "['tensorflow']"}[track]


# A lesson in the wrong place


@pytest.fixture
def metadata(monkeypatch):
    """Other versions of packages than those that are installed; None for one that is not."""
    real, changed = (
        importlib.metadata.version,
        {"tensorflow": "2.21.0", "tf-keras": "2.21.0", "torch": "2.13.0", "accelerate": "1.15.0"},
    )

    def version(name):
        if changed.get(name, "") is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return changed.get(name) or real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    return changed


@pytest.mark.parametrize(
    ("track", "package"), [("pytorch", "torch"), ("pytorch", "accelerate"), ("tensorflow", "tf-keras")]
)
def test_a_missing_package(metadata, track, package):
    metadata |= {"transformers": {"pytorch": "5.24.0", "tensorflow": "4.52.4"}[track], package: None}
    with pytest.raises(
        TutorialError, match=f"^{package} is not installed in this kernel; .* run: make lab TRACK={track}.$"
    ):
        environments.check_packages(track)
    metadata[package] = {"torch": "2.13.0", "accelerate": "1.15.0", "tf-keras": "2.21.0"}[package]
    environments.check_packages(track)


@pytest.mark.parametrize(
    ("track", "version"), [("tensorflow", "4.53.3"), ("tensorflow", "5.24.0"), ("pytorch", "4.57.6"), ("pytorch", "5.2.0"), ("pytorch", "6.0.0")]
)  # fmt: skip
def test_a_release_outside_the_range(metadata, track, version):
    metadata["transformers"] = version
    with pytest.raises(
        TutorialError, match=rf"^transformers {re.escape(version)} is installed .* needs .*; choose Kernel"
    ):
        environments.check_packages(track)


def test_on_colab_the_remedy_is_the_first_cell(metadata, monkeypatch):
    metadata["torch"] = None
    monkeypatch.setitem(sys.modules, "google.colab", os)
    with pytest.raises(TutorialError, match="not installed in this kernel; run the first cell"):
        environments.check_packages("pytorch")


def first_cells(track: str, kernel: str, folder: Path) -> str:
    """What the error of a lesson's first cells says, run in ``folder`` on another kernel or beside other files."""
    notebook = build.build(build.pages()[0], build.Variant(track))
    last = next(number for number, cell in enumerate(notebook.cells) if "settings.resolve" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    client = NotebookClient(notebook, kernel_name=kernel, resources={"metadata": {"path": str(folder)}})
    with pytest.raises(CellExecutionError):
        client.execute()
    (error,) = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"
    ]
    return f"{error.ename}: {error.evalue}"


@pytest.mark.parametrize("track", build.TRACKS)
def test_a_notebook_on_the_other_tracks_kernel(track, tmp_path):
    if OTHER[track] not in environments.tracks():
        pytest.skip("needs the environments of both tracks; run: make test")
    said = first_cells(track, environments.kernel(OTHER[track]), tmp_path)
    name = environments.NAMES[track]
    assert said.startswith("TutorialError: ") and "in this kernel" in said, said
    assert said.endswith(
        f"choose Kernel > Change Kernel > {name}, or close JupyterLab and run: make lab TRACK={track}."
    )


def test_a_file_of_the_learner_in_front_of_the_kits_helpers(tmp_path):
    own = tmp_path / "helpers.py"
    own.write_text("def mine(): pass")
    track = environments.tracks()[0]
    said = first_cells(track, environments.kernel(track), tmp_path)
    assert said.startswith("SystemExit: ") and str(own) in said and "is called helpers, rename it" in said, said


def test_each_notebook_names_the_kernel_of_its_track():
    for track in build.TRACKS:
        for page in build.pages():
            kernelspec = nbformat.read(build.target(page, build.Variant(track)), as_version=4).metadata["kernelspec"]
            assert kernelspec["name"] == environments.kernel(track)


# Installing


@pytest.fixture
def copy(tmp_path):
    """The files that an installation needs, in a folder with a blank and a letter that is not ASCII."""
    folder = tmp_path / "my kit é"
    for name in ("requirements", "helpers"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("shared", "pytorch"):
        (folder / "requirements" / f"{name}.txt").write_text("# nothing\n")
    return folder


def make(folder: Path, *words: str, **environment) -> subprocess.CompletedProcess:
    command = ["make", f"PYTHON={sys.executable}", "TRACK=pytorch", "install", *words]
    # Not as a part of the make that runs the tests.
    here = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MAKE") and name not in ("TRACK", "ARGS")
    }
    return subprocess.run(command, cwd=folder, env=here | environment, capture_output=True, text=True)


OFFLINE = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "",
           "UV_INDEX_URL": "http://127.0.0.1:9/", "UV_HTTP_RETRIES": "0", "UV_NO_CACHE": "1", "UV_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}  # fmt: skip


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_no_network_at_the_first_call(copy, tmp_path, installer):
    (copy / "requirements" / "pytorch.txt").write_text("transformers==5.24.0\n")
    path = path_without(tmp_path, "uv")
    if installer == "uv":
        path = os.pathsep.join([str(Path(uv.find_uv_bin()).parent), path])
    done = make(copy, **OFFLINE, PATH=path)
    assert done.returncode != 0 and f"once, with {installer}" in done.stdout, done.stdout
    (sentence,) = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert re.match(
        r"The packages could not be installed \(.+\)\. Check the network and the free disk space, then run", sentence
    )
    assert not (copy / ".venv" / "pytorch" / ".ready").exists()


def test_the_next_call_repairs_an_installation_that_was_cut_short(copy):
    """Left behind by a kill: a folder that is no environment. The real packages would take minutes: these are few."""
    (copy / "requirements" / "shared.txt").write_text(f"{pins('shared')['six']}\n{pins('shared')['ipykernel']}\n")
    broken = copy / ".venv" / "pytorch" / "bin"
    broken.mkdir(parents=True)
    (broken / "python").write_text("half")
    done = make(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (copy / ".venv" / "pytorch" / ".ready").exists()
    kernel = (
        copy / ".venv" / "pytorch" / "share" / "jupyter" / "kernels" / "text-classification-pytorch" / "kernel.json"
    )
    assert json.loads(kernel.read_text())["argv"][0] == str(broken / "python")
    assert make(copy).stdout == "make: Nothing to be done for 'install'.\n"
    (copy / "requirements" / "shared.txt").touch()  # as a copy to another laptop does, which has no network
    done = make(copy, **OFFLINE)
    assert done.returncode == 0 and done.stdout == "" and kernel.exists(), done.stdout + done.stderr


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_is_told_before_anything_starts(version, tmp_path):
    code = f"import runpy, sys; sys.version_info = {(*version, 0, 'final', 0)}; sys.argv = ['install.py', 'pytorch']; runpy.run_path({str(INSTALL)!r}, run_name='__main__')"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    here = ".".join(map(str, version))
    assert (
        done.returncode == 1
        and f"needs Python 3.11, 3.12 or 3.13, and this is {here}; run: make PYTHON=" in done.stderr
    )
