"""What a run came to, in a file beside the model, which ``make run`` reads."""

import json
import os
from pathlib import Path

from helpers.assets import Assets
from helpers.settings import Settings, versions

FILE = "results.json"


def save(settings: Settings, source: Assets, **figures) -> Path:
    """Write ``results.json`` beside the model: the settings, the versions and ``figures`` (numbers by name).

    Accuracies are shares from 0 to 1, times are in seconds. Returns the path.
    """
    entry = {
        "track": settings.track,
        "profile": settings.profile_name,
        "assets": source.name,
        "device": settings.device_name,
        **{name: round(value, 4) for name, value in figures.items()},
        "versions": versions(settings.track),
    }
    path = settings.output_dir / FILE
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(entry, indent=1))
    os.replace(temporary, path)
    return path
