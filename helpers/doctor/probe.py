"""What the Python of a track says of itself, in one line of JSON: ``python -m helpers.doctor.probe TRACK``.

Each finding is made by itself: where one package is missing or broken, the others are looked at all the same.
"""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path

from helpers import environments, minutes

ROOT = Path(__file__).resolve().parents[2]


def pins(track: str) -> list[str]:
    """The lines ``name==version``, some with a marker, that this track is installed from; none where the kit came without them."""
    from helpers.packages import BARE_PACKAGES

    files = [ROOT / "requirements" / name for name in ("shared.txt", f"{track}.txt")]
    lines = [line for path in files if path.exists() for line in path.read_text().splitlines() if "==" in line]
    return [line for line in [*lines, *(BARE_PACKAGES if lines else ())] if not line.startswith(("#", "-"))]


def packages(track: str) -> dict:
    """``missing`` packages, ``others`` (in a release that is not the pinned one), and what is ``unfit`` (a sentence)."""
    lines = pins(track)
    if importlib.util.find_spec("packaging") is None:  # then markers cannot be read, and much else is missing
        names = [line.partition("==")[0] for line in lines if ";" not in line] or ["packaging"]
        return {"missing": _few([name for name in names if _version(name) is None])}
    from packaging.requirements import Requirement
    from packaging.version import Version

    missing, others = [], []
    for needed in map(Requirement, lines):
        if needed.marker is not None and not needed.marker.evaluate():
            continue
        here = _version(needed.name)
        if here is None:
            missing.append(needed.name)
        elif Version(here).public != Version(str(needed.specifier)[2:]).public:
            others.append(f"{needed.name} {here}")
    unfit = "" if missing else _problem(lambda: environments.check_packages(track))
    return {"missing": _few(missing), "others": _few(others), "unfit": unfit}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _few(names: list[str], most: int = 8) -> list[str]:
    return names if len(names) <= most else [*names[:most], f"and {len(names) - most} more"]


def kernel(track: str) -> str:
    """Why Jupyter cannot start the kernel of ``track``; nothing where it can, or where the lessons use the kernel of the place."""
    folder = environments.FOLDER / track
    if not folder.exists():
        return ""
    path = folder / "share" / "jupyter" / "kernels" / environments.kernel(track) / "kernel.json"
    try:
        program = json.loads(path.read_text())["argv"][0]
    except (OSError, ValueError, KeyError, IndexError):
        return "is not registered"
    return "" if Path(program).exists() else f"starts {program}, which is gone"


def widgets() -> str:
    """Why JupyterLab would show no panels; nothing where it would."""
    if importlib.util.find_spec("ipywidgets") is None:
        return "ipywidgets is not installed"
    if "COLAB_RELEASE_TAG" in os.environ:
        return ""  # Colab brings its own
    places = [Path(sys.prefix), *(environments.FOLDER / track for track in environments.NAMES)]
    found = [place / "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager" for place in places]
    return "" if any((place / "package.json").exists() for place in found) else "jupyterlab_widgets is not installed"


def data() -> None:
    """Look at the embedded data and the checkpoint; prepares the reviews where that was not done yet."""
    from helpers import packages as embedded

    embedded.model_folder()
    embedded.messages_file()
    embedded.reviews_folder()
    embedded.snippets_folder()


def batch(track: str) -> None:
    """One batch of two texts through the checkpoint."""
    import numpy as np
    from transformers import AutoTokenizer

    from helpers import packages as embedded

    folder = str(embedded.model_folder())
    tokens = AutoTokenizer.from_pretrained(folder)(
        ["good film", "I left after an hour"], padding=True, return_tensors="np"
    )
    if track == "pytorch":
        import torch
        from transformers import AutoModel

        model = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
        with torch.no_grad():
            vectors = model(**{name: torch.tensor(value) for name, value in tokens.items()}).last_hidden_state.numpy()
    else:
        from transformers import TFAutoModel

        vectors = TFAutoModel.from_pretrained(folder, use_safetensors=True)(dict(tokens)).last_hidden_state.numpy()
    if not np.isfinite(vectors).all():
        raise ValueError("the model's output is not a number")


def _problem(check) -> str:
    """What ``check`` raises, in one line; nothing if all is well."""
    try:
        check()
    except Exception as error:  # whatever a broken installation raises is what was asked for
        line = (str(error).strip().splitlines() or [""])[0]
        return line[:160] if type(error).__name__ == "TutorialError" else f"{type(error).__name__}: {line}"[:160]
    return ""


def look(track: str) -> dict:
    """All findings, by name; where all is well, a problem is an empty text."""
    found = {"python": platform.python_version(), "kernel": kernel(track), "widgets": widgets(), "gpu": "", "speed": 0}
    found |= {"missing": [], "others": [], "unfit": ""}

    def device():
        from helpers import process

        process.set_up(track)
        kind, name, _ = process.find(track, "auto")
        found["gpu"] = name if kind == "gpu" else ""

    found["unfit"] = _problem(lambda: found.update(packages(track))) or found["unfit"]
    found["data"] = _problem(data)
    found["framework"] = _problem(device)
    found["model"] = "" if found["framework"] or found["data"] else _problem(lambda: batch(track))
    _problem(lambda: found.update(speed=round(minutes.gflops())))
    return found


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    with contextlib.redirect_stdout(sys.stderr):  # what libraries say on the way is no answer
        answer = look(sys.argv[1])
    print(json.dumps(answer))
