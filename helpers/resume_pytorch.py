"""Checkpoints of a ``Trainer`` in the middle of an epoch, and the last one that can be trusted."""

import json
import zipfile
from pathlib import Path

from safetensors import SafetensorError, safe_open
from transformers import Trainer, TrainerCallback

from helpers import resume
from helpers.settings import Settings


class SaveEachFifth(TrainerCallback):
    """Makes the ``Trainer`` save a checkpoint after each fifth of its steps, beside those of its own strategy."""

    def on_step_end(self, args, state, control, **_):
        if state.global_step % resume.steps_between(state.max_steps) == 0:
            control.should_save = True


def prepare(trainer: Trainer, settings: Settings) -> str | None:
    """Make ``trainer`` save checkpoints; returns the one an earlier run of the same settings left, for ``train``."""
    arguments = {
        name: value for name, value in trainer.args.to_dict().items() if name not in ("logging_dir", "run_name")
    }
    weights = trainer.get_num_trainable_parameters()
    folder = Path(trainer.args.output_dir)
    resume.keep_only(
        folder, settings, trainer.model.config._name_or_path, arguments, weights, len(trainer.train_dataset)
    )
    trainer.remove_callback(SaveEachFifth)
    trainer.add_callback(SaveEachFifth)
    steps = {int(path.name.split("-")[1]): path for path in folder.glob("checkpoint-*") if complete(path)}
    if not steps:
        return None
    last = steps[max(steps)]
    resume.say(max(steps), json.loads((last / "trainer_state.json").read_text())["max_steps"], folder)
    return str(last)


def complete(checkpoint: Path) -> bool:
    """Whether all of a checkpoint was written. The state file is written last; the two large files show their length."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text())
        with safe_open(checkpoint / "model.safetensors", framework="numpy"):
            return all(
                zipfile.is_zipfile(checkpoint / name) for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth")
            )
    except (OSError, ValueError, SafetensorError):
        return False
