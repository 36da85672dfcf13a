"""The lessons on stacks that are not the pinned one: what Colab has installed, and the oldest versions that are allowed.

``make colab`` and ``make lowest``. Each makes an environment with uv, and runs the committed lessons of a track in it from start to
end at the smoke profile, panels included.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import uv
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from system import PROCESSES, path_without, turn

import build
from helpers import environments, packages

ROOT = Path(__file__).parents[1]
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["repository"]
COLAB = ROOT / "tests" / "colab.txt"
COLABS_PYTHON = "3.13"
FRAMEWORKS = {"pytorch": "torch", "tensorflow": "tensorflow"}
# What the first cell of a track's lessons puts in the place of what Colab has, as the lessons say.
CHANGED = {"pytorch": set(), "tensorflow": {"huggingface_hub", "tokenizers", "transformers"}}
IMPORTED = "import sys; print('frameworks:', *sorted({'torch', 'tensorflow'} & set(sys.modules)))"
LIST = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"


def find_python(version: str) -> str:
    """A Python of this version, wherever uv or pyenv keeps one; the one that runs the tests where there is none."""
    done = subprocess.run([uv.find_uv_bin(), "python", "find", "--no-project", version], capture_output=True, text=True)
    found = [done.stdout.strip(), *map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))]
    return next((python for python in found if python and "/shims/" not in python), sys.executable)


# What each lesson shows when it went well, near its end where it has such a line.
SAID = {
    "01_text_classification": ["Transformer minus baseline"],
    "02_error_analysis": ["the answers are in the order of the texts: True"],
    "03_inside": ["the same as the model's: True", "right; in five parts"],
    "04_own_texts": ["both answers right: "],
    PROCESSES: ["after the breakdown, weights within 5e-5: True", "same answers: True"],
}


class Machine:
    """An environment in ``folder``, its kernel, and what a process there sees."""

    def __init__(self, folder: Path, python: str):
        self.folder, self.home, self.python = folder, folder / "home", folder / "venv" / "bin" / "python"
        self.home.mkdir()
        self.run(uv.find_uv_bin(), "venv", "--quiet", "--python", python, folder / "venv")

    def environment(self) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("TUTORIAL_", "PYTHON", "JUPYTER_"))
        }
        return kept | {
            "HOME": str(self.home),
            "UV_CACHE_DIR": str(Path.home() / ".cache" / "uv"),
            "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
            "PIP_NO_COMPILE": "1",
            "TUTORIAL_CACHE": str(packages.cache_folder()),
            "TUTORIAL_PROFILE": "smoke",
            "TUTORIAL_ASSETS": "embedded",
            "TUTORIAL_OUTPUT": str(self.folder / "my_awesome_model"),
        }

    def run(self, *command, **more) -> str:
        done = subprocess.run(command, env=self.environment() | more, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout

    def install(self, *words) -> None:
        self.run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", self.python, *words)

    def packages(self) -> dict[str, str]:
        return json.loads(self.run(self.python, "-c", LIST))

    def lessons(self, track: str, **more) -> list[str]:
        """Run all lessons (05 where it has its turn), each of which says what it has to; returns what they showed."""
        self.run(self.python, "-m", "ipykernel", "install", "--prefix", self.folder / "venv", "--name", "elsewhere")
        shown = []
        for page in build.pages():
            if page.stem == PROCESSES and not turn(build.TRACKS.index(track), 2):  # it takes minutes
                continue
            notebook = nbformat.read(build.target(page, build.Variant(track)), as_version=4)
            notebook.cells.append(nbformat.v4.new_code_cell(IMPORTED))
            where = {"metadata": {"path": str(self.folder)}}
            # One printed line may come in two messages.
            client = NotebookClient(notebook, timeout=900, resources=where, coalesce_streams=True)
            client.kernel_name = "elsewhere"
            specs = KernelSpecManager(kernel_dirs=[str(self.folder / "venv" / "share" / "jupyter" / "kernels")])
            client.create_kernel_manager().kernel_spec_manager = specs
            client.execute(env=self.environment() | more)
            shown.append(json.dumps([cell.get("outputs") for cell in notebook.cells]))
            missing = [line for line in SAID[page.stem] if line not in shown[-1]]
            assert not missing, f"{page.stem} did not say: {missing}"
        return shown


@pytest.fixture
def machine(request, tmp_path):
    yield lambda python: Machine(tmp_path, python)
    shutil.rmtree(tmp_path)  # some GB


@pytest.mark.colab
@pytest.mark.parametrize("track", build.TRACKS)
def test_all_lessons_run_on_colab(machine, tmp_path, track):
    """Colab's Python and versions, both frameworks, no kit, no git-lfs: the lesson's own first cell installs the rest.

    A stand-in for google.colab is imported when the kernel starts, as on Colab, and git finds a local clone under the
    public address. Nothing is constrained.
    """
    colab = machine(find_python(COLABS_PYTHON))
    colab.install("-r", COLAB)
    site = Path(colab.run(colab.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "google").mkdir(exist_ok=True)
    (site / "google" / "colab.py").touch()
    (site / "colab_is_here.pth").write_text("import google.colab\n")
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    address = f'[url "file://{tmp_path / "clone"}"]\n\tinsteadOf = {REPOSITORY}\n[safe]\n\tdirectory = *\n'
    (colab.home / ".gitconfig").write_text(address)
    before = colab.packages()
    shown = colab.lessons(track, PATH=f"{colab.python.parent}:{path_without(tmp_path, 'git-lfs')}")
    for one in shown:  # the other framework is installed, and stays out
        assert f"frameworks: {FRAMEWORKS[track]}\\n" in one
    after = colab.packages()
    assert "Assets: embedded, because you asked for them." in shown[0]
    added = sorted(f"{name} {version}" for name, version in after.items() if name not in before)
    changed = {name: (version, after.get(name)) for name, version in before.items() if after.get(name) != version}
    python = ".".join(map(str, colab.run(colab.python, "-V").split()[1:]))
    print(f"Colab, {track}, Python {python}: the first cell added {', '.join(added)}; it changed", end=" ")
    print("; ".join(f"{name} {old} to {new}" for name, (old, new) in sorted(changed.items())) or "nothing")
    assert set(changed) == CHANGED[track]


@pytest.mark.lowest
@pytest.mark.parametrize("track", build.TRACKS)
def test_all_lessons_run_on_the_oldest_versions(machine, track):
    oldest = machine(sys.executable)
    oldest.install("--resolution=lowest-direct", "-e", f"{ROOT}[{track},many]", "ipykernel==6.17.1")
    oldest.install("--no-deps", *packages.BARE_PACKAGES)
    oldest.lessons(track, PATH=f"{oldest.python.parent}:{os.environ['PATH']}")
    names = environments.importlib.metadata.requires(environments.DISTRIBUTION)
    there = oldest.packages()
    print(
        f"Oldest, {track}: {', '.join(f'{name} {v}' for name, v in sorted(there.items()) if any(name in n for n in names))}"
    )
