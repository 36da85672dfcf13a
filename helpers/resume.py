"""A run that was cut short goes on from its last training state: what both tracks share.

A training state counts only for the same run: one file beside it names the run's settings and data, and when they change the
state is deleted. A run that goes on repeats about a fifth of its steps at most. Nothing is deleted that this kit did not make.
"""

import hashlib
import json
import math
import shutil
from contextlib import contextmanager
from pathlib import Path

from helpers.errors import TutorialError
from helpers.results import FILE

PARTS = 5
RUN_FILE = "_run.sha256"  # our mark; the Trainer never uploads a name with this first letter
TEMPORARY = "_saving"


def steps_between(total_steps: int) -> int:
    """How many optimizer steps lie between two training states: a fifth of the run, at least 1."""
    return max(1, math.ceil(total_steps / PARTS))


def start(folder: Path, *run) -> None:
    """Delete the training states that another run left in ``folder``; ``run`` is whatever tells one run from another.

    Raises ``TutorialError`` if there are some that no run of this kit made.
    """
    fingerprint = hashlib.sha256(json.dumps(run, sort_keys=True, default=str).encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RUN_FILE
    if not file.exists() and (found := states(folder)):
        raise TutorialError(
            f"{folder.name or folder} holds {found[0].name}, which this lesson did not make and would overwrite; "
            "set output_dir to another folder, or move it away."
        )
    if not file.exists() or file.read_text() != fingerprint:
        forget(folder)
        file.write_text(fingerprint)


def states(folder: Path) -> list[Path]:
    """The training states in ``folder``, of either track."""
    return [path for path in [*folder.glob("checkpoint-*"), folder / "checkpoints"] if path.is_dir()]


def texts_sha256(dataset) -> str:
    """A sum over the tokens and labels of a tokenized ``Dataset``, in their order: the same reviews give the same sum."""
    found = hashlib.sha256()
    for rows in dataset.select_columns(["input_ids", "label"]).iter(1000):
        found.update(json.dumps([list(map(list, rows["input_ids"])), list(rows["label"])]).encode())
    return found.hexdigest()


def say(step: int, total_steps: int, folder: Path) -> None:
    print(
        f"An earlier run was cut short: going on after step {step} of {total_steps}. To start anew, delete {folder.name}."
    )


def forget(folder: Path) -> None:
    """Delete the training states in ``folder``, and our mark; without the mark, nothing."""
    if (folder / RUN_FILE).exists():
        for state in states(folder):
            shutil.rmtree(state, ignore_errors=True)
        (folder / RUN_FILE).unlink()


@contextmanager
def saving(folder: Path):
    """Save a model into a temporary folder; its files move to ``folder`` when all are complete.

    So an earlier model stays whole until then. The training states are deleted: the run is over.
    """
    temporary = folder / TEMPORARY
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield temporary
        # What was noted about the model before (helpers/results.py) is not true of this one.
        (folder / FILE).unlink(missing_ok=True)
        for file in temporary.iterdir():
            file.replace(folder / file.name)
        forget(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
