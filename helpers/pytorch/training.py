"""What keeps a ``Trainer``'s run safe and shows it, from outside: the lesson's own calls stay as they are."""

import json
import time
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import Trainer, TrainerCallback

from helpers import hub, pictures, progress, resume
from helpers.settings import Settings


class DrawCurve(TrainerCallback):
    """Draws the losses and the accuracy from the ``Trainer``'s log while it trains."""

    def on_train_begin(self, args, state, control, **_):
        self.curve = pictures.TrainingCurve(state.max_steps)

    def on_log(self, args, state, control, **_):
        self.draw(state)

    def on_train_end(self, args, state, control, **_):
        self.draw(state, last=True)

    def draw(self, state, last=False):
        series = {
            name: {entry["step"]: entry[name] for entry in state.log_history if name in entry}
            for name in ("loss", "eval_loss", "eval_accuracy")
        }
        self.curve.update(*series.values(), last=last)


def watch(trainer: Trainer, run: Settings) -> None:
    """From now on ``trainer`` goes on from what a run that was cut short left, saves whole models, and draws its curve.

    A push that fails is one sentence. Raises ``TutorialError`` if the output folder holds training states of other work.
    """
    folder = Path(trainer.args.output_dir)
    arguments = {
        name: value for name, value in trainer.args.to_dict().items() if name not in ("logging_dir", "run_name")
    }
    resume.start(
        folder, replace(run, reason=""), trainer.model.config._name_or_path, arguments, trainer.get_num_trainable_parameters(),
        resume.texts_sha256(trainer.train_dataset),
    )  # fmt: skip
    trainer.remove_callback(DrawCurve)
    trainer.add_callback(DrawCurve)
    trainer.train = partial(_train, trainer)
    trainer.save_model = partial(_save_model, trainer)
    trainer.push_to_hub = partial(_push_to_hub, trainer)


def estimate(trainer: Trainer) -> None:
    """Print how long training will take, from two steps on one batch whose gradients are thrown away, and its evaluations."""
    data = trainer.get_train_dataloader()
    batch = trainer._prepare_inputs(next(iter(data)))
    seconds = []
    with torch.random.fork_rng():
        for _ in range(2):
            start = time.monotonic()
            trainer.model(**batch).loss.backward()
            seconds.append(time.monotonic() - start)
    trainer.model.zero_grad()
    # A pass forward takes a third of a step, and there are five evaluations; moving weights and saving add about half.
    checks = resume.PARTS * len(trainer.eval_dataset or ()) / trainer.args.per_device_train_batch_size / 3
    progress.estimate(1.5 * min(seconds) * (len(data) * trainer.args.num_train_epochs + checks))


def _train(trainer: Trainer, resume_from_checkpoint=None, **more):
    return Trainer.train(trainer, resume_from_checkpoint=resume_from_checkpoint or last_state(trainer), **more)


def _save_model(trainer: Trainer, output_dir=None, _internal_call=False) -> None:
    if _internal_call:  # a training state, or a push
        return Trainer.save_model(trainer, output_dir, _internal_call=True)
    with resume.saving(Path(output_dir or trainer.args.output_dir)) as folder:
        return Trainer.save_model(trainer, str(folder))


def _push_to_hub(trainer: Trainer, *arguments, **more):
    with hub.sharing():
        return Trainer.push_to_hub(trainer, *arguments, **more)


def last_state(trainer: Trainer) -> str | None:
    """The folder of the last training state that is whole; says so if there is one."""
    folder = Path(trainer.args.output_dir)
    steps = {int(path.name.split("-")[1]): path for path in folder.glob("checkpoint-*") if complete(path)}
    if not steps:
        return None
    last = steps[max(steps)]
    resume.say(max(steps), json.loads((last / "trainer_state.json").read_text())["max_steps"], folder)
    return str(last)


def complete(state: Path) -> bool:
    """Whether all of a training state was written. The state file is written last; the two large files show their length."""
    try:
        json.loads((state / "trainer_state.json").read_text())
        with safe_open(state / "model.safetensors", framework="numpy"):
            return all(zipfile.is_zipfile(state / name) for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"))
    except (OSError, ValueError, SafetensorError):
        return False
