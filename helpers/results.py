"""What a run came to, in a file beside the model, which ``make run`` reads."""

import json
import os
import sys
from pathlib import Path

from helpers.assets import Assets
from helpers.environments import versions
from helpers.settings import Settings

FILE = "results.json"


def save(settings: Settings, source: Assets, *, folder: Path | None = None, **figures) -> Path:
    """Write ``results.json`` beside the model (in ``folder``, or where the settings say): the settings, the versions and ``figures`` (numbers by name).

    Accuracies are shares from 0 to 1, times are in seconds; ``peak_memory_gb`` is the most memory that the kernel had
    until now. Returns the path.
    """
    entry = {
        "track": settings.track,
        "profile": settings.profile_name,
        "assets": source.name,
        "seed": settings.seed,
        "device": settings.device_name,
        **{name: round(value, 4) for name, value in figures.items()},
        "peak_memory_gb": peak_memory_gb(),
        "versions": versions(settings.track),
    }
    path = (folder or settings.output_dir) / FILE
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(entry, indent=1))
    os.replace(temporary, path)
    return path


def peak_memory_gb() -> float | None:
    """The largest resident set of this process (getrusage(2)), in GB; ``None`` on Windows."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 2)
