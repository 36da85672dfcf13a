"""What is on this machine, found with the standard library alone: an installation may be missing or broken."""

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

from helpers.environments import NAMES, python

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60  # for the Python of a track, which imports a framework from a disk that may be slow
HUB = "https://huggingface.co"
FRAMEWORKS = {"pytorch": "torch", "tensorflow": "tensorflow"}


def facts(tracks: list[str] | None = None) -> dict:
    """What is here. ``tracks`` are those that somebody wants; by default both, of which one is enough.

    Returns strings, numbers and lists of them alone, which ``report`` turns into lines and into a code: ``python`` (release),
    ``system``, ``processor``, ``cores``, ``bf16``, ``memory`` and ``free`` memory and ``disk`` (GB), ``browser``, ``hub`` (a problem or
    nothing), ``wanted`` and, for each track, what ``probe`` says, or a ``problem``.
    """
    total, free = memory()
    found = {
        "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(), "cores": os.cpu_count() or 1, "bf16": int(_has_bf16()),
        "memory": total, "free": free, "disk": round(shutil.disk_usage(ROOT).free / 1e9, 1),
        "browser": int(has_browser()), "hub": hub_problem(), "wanted": list(tracks or []),
    }  # fmt: skip
    # One after the other, because each measures how fast this machine is.
    return found | {"tracks": {track: _track(track) for track in tracks or NAMES}}


def _track(track: str) -> dict:
    """What a track's own Python says of it, or a ``problem``."""
    own = python(track)
    if not Path(own).exists():  # on Colab and Binder the frameworks are beside this Python
        own = sys.executable
        if importlib.util.find_spec(FRAMEWORKS[track]) is None:
            return {"problem": "is not installed"}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command, env = [own, "-m", "helpers.doctor.probe", track], os.environ | {"PYTHONPATH": path}
    try:
        answer = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=SECONDS)
        return json.loads(answer.stdout.splitlines()[-1])
    except OSError as error:
        return {"problem": f"cannot be started ({error.strerror})"}
    except subprocess.TimeoutExpired:
        return {"problem": f"did not answer within {SECONDS} seconds"}
    except (ValueError, IndexError):
        last = (answer.stderr.strip().splitlines() or [f"exit {answer.returncode}"])[-1]
        return {"problem": f"does not run ({last[:120]})"}


def memory() -> tuple[float, float]:
    """GB of memory of the machine, and free; 0 where that cannot be told."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e9 for line in lines if line.endswith("kB")}
        return round(sizes["MemTotal"], 1), round(sizes["MemAvailable"], 1)
    except (OSError, KeyError):
        pass
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
        return round(total, 1), 0
    except (AttributeError, ValueError, OSError):
        return 0, 0


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return (names or [platform.processor() or platform.machine()])[0][:60]


def _has_bf16() -> bool:
    from helpers.process import cpu_precision

    return cpu_precision() == "bf16"


def has_browser() -> bool:
    """Whether Python finds a browser to open JupyterLab in."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def hub_problem() -> str:
    """Why the Hugging Face Hub cannot be used, in a few words; nothing if it answers within 3 seconds."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return "HF_HUB_OFFLINE is set"
    address = os.environ.get("HF_ENDPOINT", HUB)
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=3).close()
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}"
    return ""
