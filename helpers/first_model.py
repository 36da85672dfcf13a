"""The model that lesson 02 looks at: the one lesson 01 left, or one that is trained in the same way."""

import json
from pathlib import Path

from helpers import results
from helpers.assets import Assets
from helpers.settings import Settings


def own_folder(settings: Settings) -> Path:
    """Where lesson 02 keeps a model that it trained itself, beside that of lesson 01."""
    return settings.output_dir.with_name(settings.output_dir.name + "_lesson_02")


def find(settings: Settings, source: Assets) -> Path | None:
    """The folder of a model that was trained with this profile, these assets and this seed; ``None`` if there is none.

    Says which one it found, or why none.
    """
    wanted = {"track": settings.track, "profile": settings.profile_name, "assets": source.name, "seed": settings.seed}
    other = None
    for folder, whose in ((settings.output_dir, "lesson 01"), (own_folder(settings), "this lesson, an earlier time")):
        record = _record(folder)
        if record is None:
            continue
        differing = [f"{key} {record.get(key)}" for key, value in wanted.items() if record.get(key) != value]
        if not differing:
            print(
                f"This is the model of {whose}: {record['train_reviews']:,} reviews, accuracy {record['accuracy']:.3f}."
            )
            return folder
        other = other or f"the model of {whose} was trained with {', '.join(differing)}"
    reason = other or "lesson 01 has left no model"
    print(f"Training a model first, as lesson 01 does ({settings.profile.minutes['Train']}), because {reason}.")
    return None


def keep(settings: Settings, source: Assets, folder: Path, **figures) -> Path:
    """Note beside a model that was trained here what it is, for ``find``; returns ``folder``."""
    results.save(settings, source, folder=folder, **figures)
    return folder


def _record(folder: Path) -> dict | None:
    """What ``results.save`` noted beside a model, ``None`` if the model or the note is not whole."""
    try:
        json.loads((folder / "config.json").read_text())
        record = json.loads((folder / results.FILE).read_text())
        return record if (folder / "model.safetensors").exists() else None
    except (OSError, ValueError):
        return None
