"""What a run came to, in a file beside the model, which ``make run`` and lesson 02 read."""

import json
import os
import sys
from pathlib import Path

from helpers.environments import versions
from helpers.settings import Settings

FILE = "_results.json"  # neither the Trainer nor this kit uploads a name with this first letter


def finish(run: Settings, names: dict) -> None:
    """Write the figures of lesson 01 beside its model; ``names`` are the notebook's ``globals()``."""
    trainer, figures = names.get("trainer"), {}
    if trainer is not None:
        figures["train_seconds"] = sum(entry.get("train_runtime", 0) for entry in trainer.state.log_history)
    elif seconds := getattr(names.get("history"), "seconds", None):
        figures["train_seconds"] = seconds
    if "baseline_accuracy" in names:
        figures["baseline_accuracy"] = names["baseline_accuracy"]
    imdb = names["imdb"]
    save(
        run,
        names["output_dir"],
        checkpoint=short(names["checkpoint"]),
        seed=names["seed"],
        train_reviews=len(imdb["train"]),
        test_reviews=len(imdb["test"]),
        accuracy=names["model_accuracy"],
        **figures,
    )


def save(run: Settings, folder: str | Path, **figures) -> Path:
    """Write the settings of a run, the versions and ``figures`` (numbers by name) to a file in ``folder``; returns its path.

    Accuracies are shares from 0 to 1, times are in seconds; ``peak_memory_gb`` is the most memory that this process had
    until now.
    """
    entry = {
        "track": run.track,
        "profile": run.profile_name,
        "assets": run.assets,
        "device": run.device_name,
        **{name: value if isinstance(value, str) else round(value, 4) for name, value in figures.items()},
        "peak_memory_gb": peak_memory_gb(),
        "versions": versions(run.track),
    }
    path = Path(folder) / FILE
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(entry, indent=1))
    os.replace(temporary, path)
    return path


def short(checkpoint: str) -> str:
    """The name of a checkpoint: of a folder's path the last two parts, as an id of the Hub has them."""
    return "/".join(Path(checkpoint).parts[-2:])


def read(folder: str | Path) -> dict | None:
    """What ``save`` noted beside a model; ``None`` if the model or the note is not whole."""
    folder = Path(folder)
    try:
        json.loads((folder / "config.json").read_text())
        record = json.loads((folder / FILE).read_text())
        return record if (folder / "model.safetensors").exists() else None
    except (OSError, ValueError):
        return None


def peak_memory_gb() -> float | None:
    """The largest resident set of this process (getrusage(2)), in GB; ``None`` on Windows."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 2)
