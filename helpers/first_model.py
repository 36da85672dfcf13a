"""The model that lessons 02 and 03 look at: the one lesson 01 left, or one that its cells make now."""

import importlib
import os
from pathlib import Path

from helpers import lessons, recipe, results
from helpers.settings import Settings


def find_or_train(run: Settings, names: dict) -> str:
    """The folder of a model of lesson 01 that was trained with this run's settings and this seed; trained now if need be.

    ``names`` are the notebook's ``globals()``, of which ``output_dir``, ``seed`` and ``checkpoint`` count. Says which model it found, or why
    none.
    """
    folder = Path(names["output_dir"])
    own = folder.with_name(folder.name + "_lesson_02")
    wanted = {"track": run.track, "profile": run.profile_name, "assets": run.assets, "seed": names["seed"]}
    checkpoint = names.get("checkpoint") or os.environ.get("TUTORIAL_CHECKPOINT")
    if checkpoint:
        wanted["checkpoint"] = results.short(checkpoint)
    other = None
    for place, whose in ((folder, "lesson 01"), (own, "an earlier run of this lesson")):
        record = results.read(place)
        if record is None:
            continue
        differing = [f"{key} {record.get(key)}" for key, value in wanted.items() if record.get(key) != value]
        if not differing:
            print(
                f"This is the model of {whose}: {record['train_reviews']:,} reviews, accuracy {record['accuracy']:.3f}."
            )
            return str(place)
        other = other or f"the model of {whose} was trained with {', '.join(differing)}"
    print(f"Training a model first, with the cells of lesson 01, because {other or 'lesson 01 has left no model'}.")
    train(run, own, names["seed"], checkpoint)
    return str(own)


def train(run: Settings, folder: Path, seed: int, checkpoint: str | None = None) -> dict:
    """Run the recipe of lesson 01, fitted to ``run``, into ``folder``; returns the names that it made.

    ``checkpoint`` is a folder or an id on the Hub; without one, it is the one that suits the run.
    """
    training = importlib.import_module(f"helpers.{run.track}.training")

    def fit(names: dict) -> None:
        names["seed"] = seed
        names["checkpoint"] = checkpoint or names["checkpoint"]
        recipe.fit(names, run)
        names["output_dir"] = str(folder)

    # The recipe's last values cell makes num_epochs. What is watched is there as soon as the Trainer or the callbacks are.
    after = {"num_epochs": fit}
    after |= {"trainer": lambda names: training.watch(names["trainer"], run)} if run.track == "pytorch" else {}
    after |= {"callbacks": lambda names: training.watch(names, run)} if run.track == "tensorflow" else {}
    names = lessons.run(run.track, {}, after)
    results.finish(run, names)
    return names
