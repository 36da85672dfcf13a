"""A run that was cut short goes on from its last checkpoint: what both tracks share.

A checkpoint counts only for the same run: one file beside the checkpoints names its settings, and when they change the
checkpoints are deleted. A run that goes on repeats about a fifth of its steps at most.
"""

import hashlib
import json
import math
import shutil
from contextlib import contextmanager
from pathlib import Path

PARTS = 5
RUN_FILE = "_run.sha256"  # the Trainer never uploads a name with this first letter
TEMPORARY = "_saving"


def steps_between(total_steps: int) -> int:
    """How many optimizer steps lie between two checkpoints: a fifth of the run, at least 1."""
    return max(1, math.ceil(total_steps / PARTS))


def keep_only(folder: Path, *run) -> None:
    """Delete checkpoints in ``folder`` that another run left; ``run`` is whatever tells one run from another."""
    fingerprint = hashlib.sha256(json.dumps(run, sort_keys=True, default=str).encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RUN_FILE
    if not file.exists() or file.read_text() != fingerprint:
        forget(folder)
        file.write_text(fingerprint)


def say(step: int, total_steps: int, folder: Path) -> None:
    print(
        f"An earlier run was cut short: going on after step {step} of {total_steps}. To start anew, delete {folder.name}."
    )


def forget(folder: Path) -> None:
    """Delete the checkpoints in ``folder``, of either track, and what says which run they belong to."""
    (folder / RUN_FILE).unlink(missing_ok=True)
    for checkpoint in [*folder.glob("checkpoint-*"), folder / "checkpoints"]:
        shutil.rmtree(checkpoint, ignore_errors=True)


@contextmanager
def saving(folder: Path):
    """Save a model into a temporary folder; its files move to ``folder`` when all are complete.

    So an earlier model stays whole until then. The checkpoints are deleted: the run is over.
    """
    temporary = folder / TEMPORARY
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield temporary
        # What was noted about the model before (helpers/results.py) is not true of this one.
        (folder / "results.json").unlink(missing_ok=True)
        for file in temporary.iterdir():
            file.replace(folder / file.name)
        forget(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
