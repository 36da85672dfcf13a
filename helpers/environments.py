"""The environments of the two tracks: whether this one fits a lesson, what is in it, and where the other one is.

On a machine of one's own ``make`` keeps each track in ``.venv/TRACK``, with a Jupyter kernel. On Colab both frameworks are in one.
"""

import importlib.metadata
import importlib.util
import os
import platform
import sys
from pathlib import Path

from helpers.errors import TutorialError

NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}
FOLDER = Path(__file__).parents[1] / ".venv"
DISTRIBUTION = "text-classification-tutorial"


def kernel(track: str) -> str:
    """The name of the Jupyter kernel that runs the lessons of ``track``."""
    return f"text-classification-{track}"


def python(track: str) -> str:
    """The path of the Python that has the packages of ``track``."""
    return str(FOLDER / track / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


def tracks() -> list[str]:
    """The tracks that ``make`` chose (``TUTORIAL_TRACKS``), or else those that are installed here."""
    chosen = os.environ.get("TUTORIAL_TRACKS", "").split()
    return [track for track in NAMES if track in chosen or (not chosen and Path(python(track)).exists())]


def find_kernels() -> None:
    """Let Jupyter, from now on and in the processes started from here, find the kernels of all tracks."""
    folders = [str(FOLDER / track / "share" / "jupyter") for track in NAMES]
    os.environ["JUPYTER_PATH"] = os.pathsep.join([*folders, *filter(None, [os.environ.get("JUPYTER_PATH")])])


def check_packages(track: str) -> None:
    """Raise ``TutorialError`` if a package that ``track`` needs is missing here, or its release is outside the range.

    The ranges are those of ``pyproject.toml``, read from the installed kit.
    """
    from packaging.requirements import Requirement

    for needed in map(Requirement, importlib.metadata.requires(DISTRIBUTION)):
        if needed.marker and not needed.marker.evaluate({"extra": track}):
            continue
        try:
            version = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            raise TutorialError(f"{needed.name} is not installed in this kernel; {_remedy(track)}.") from None
        if not needed.specifier.contains(version, prereleases=True):
            problem = f"{needed.name} {version} is installed in this kernel, and this lesson needs {needed.specifier}"
            raise TutorialError(f"{problem}; {_remedy(track)}.")


def _remedy(track: str) -> str:
    if "google.colab" in sys.modules:
        return "run the first cell, then choose Runtime > Restart session and run the notebook again"
    return f"choose Kernel > Change Kernel > {NAMES[track]}, or close JupyterLab and run: make lab TRACK={track}"


def versions(track: str) -> dict[str, str]:
    """The installed versions of what a track leans on, Python first."""
    frameworks = {"pytorch": ["torch", "accelerate"], "tensorflow": ["tensorflow", "tf-keras"]}
    names = ["transformers", "datasets", "evaluate", *frameworks[track]]
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}


def keep_out_pytorch() -> None:
    """Where PyTorch is installed too, as on Colab, keep it out of a TensorFlow lesson; call it before importing transformers.

    transformers 4 would import both, which takes seconds and a gigabyte.
    """
    if importlib.util.find_spec("torch") is None and importlib.util.find_spec("accelerate") is None:
        return
    # accelerate brings torch with it. Where transformers finds it with torch turned off, importing a pipeline fails
    # (NameError: LRScheduler); None makes Python, and so transformers, find no such package.
    sys.modules.setdefault("accelerate", None)
    before = os.environ.get("USE_TORCH")
    os.environ["USE_TORCH"] = "0"
    for reader in ("transformers.utils.import_utils", "datasets.config", "evaluate.config"):  # once, at import
        importlib.import_module(reader)
    # A process that a lesson starts decides for itself: there accelerate is not kept out, and the two have to agree.
    if before is None:
        del os.environ["USE_TORCH"]
    else:
        os.environ["USE_TORCH"] = before
