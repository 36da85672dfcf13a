"""The values of a lesson, fitted to a machine: what is smaller than the guide's on a laptop, and what suits the checkpoint."""

import os
import shutil
from pathlib import Path

from helpers import assets, checkpoint, environments, lessons, packages
from helpers.errors import TutorialError
from helpers.settings import Settings

PARAMETERS = {
    "DATA": "data_file",
    "TEXT": "text_column",
    "LABEL": "label_column",
    "GROUP": "group_column",
    "WATCH": "watched_label",
}  # of `make own`
SEEDS = 2**32  # numpy takes no larger ones


def fit(names: dict, run: Settings, lesson: str = lessons.FIRST):
    """Change the values in ``names`` (the ``globals()`` of a lesson) to those that suit ``run``. What a learner set stays.

    Returns a table as an IPython ``Markdown`` object: name, the guide's value, the value here, why. Raises ``TutorialError``
    for a seed that is not one, a folder that cannot be written or has too little room, or a checkpoint that cannot take the
    lesson's path; nothing is changed then. ``TUTORIAL_CHECKPOINT`` names a checkpoint of one's own.
    """
    from IPython.display import Markdown

    guide, here = lessons.values(run.track, lesson), suited(run)
    if "data_file" in guide:  # lesson 04, which makes a model of its own
        given = {name: names[key] for key, name in PARAMETERS.items() if names.get(key) is not None}
        file = str(names["data_file"])
        usual = file == guide["data_file"] and not Path(file).exists()
        if "data_file" not in given and (usual or file.endswith(packages.MESSAGES_FILE)):
            here |= assets.messages()
        names.update(given)
    if "script" in guide:  # lesson 05, which runs the code of lesson 01
        here["script"] = str(lessons.FOLDER / run.track / f"{lessons.FIRST}.py"), "the kit carries it"
        if "config_changes" in here:
            here["config_changes"] = here["config_changes"][0], "what this model calls its dropout"
    if "output_dir" in here and (own_folder := OWN_FOLDERS.get(guide["output_dir"])):
        here["output_dir"] = f"{here['output_dir'][0]}{own_folder}", here["output_dir"][1]
    named = os.environ.get("TUTORIAL_CHECKPOINT") or names.get("checkpoint")
    own = named not in (None, guide.get("checkpoint"), here.get("checkpoint", ("", ""))[0])
    if own:  # these suit the embedded checkpoint
        here = {name: pair for name, pair in here.items() if name not in checkpoint.SUITS_ONE}
        here["checkpoint"] = named, "you named it"
    fitted, rows = {}, []
    for name, old in guide.items():
        if name not in names:
            continue
        new, why = here.get(name, (old, ""))
        if names[name] not in (old, new):
            new, why = names[name], "you set it"
        fitted[name] = new
        if new != old:
            rows.append(f"| `{name}` | {_shown(old)} | {_shown(new)} | {why} |")
    check_seed(fitted["seed"])
    check_folder(fitted["output_dir"], run.profile.disk_gb)
    if own:
        checkpoint.check(named, run.track, lesson)
    names.update(fitted)
    versions = ", ".join(f"{name} {version}" for name, version in environments.versions(run.track).items())
    return Markdown(
        "\n".join(
            [
                f"| name | {'the guide' if 'train_size' in guide else 'written above'} | here | why |",
                "|---|---|---|---|",
                *rows,
            ]
        )
        + f"\n\nProfile: {run.profile_name}. Device: {run.device_name}, {run.precision}. Assets: {run.assets}, because {run.reason}.\n\nVersions: {versions}."
    )


# Lessons that leave something else than the model of lesson 01: what their folder adds to its name.
OWN_FOLDERS = {"my_own_model": "_own", "more_processes": "_processes"}
SIZES = (
    "train_size", "validation_size", "test_size", "snippets_size", "sample_size", "texts_per_label", "few_texts", "few_draws", "epochs", "many_texts",
)  # fmt: skip


def suited(run: Settings) -> dict[str, tuple]:
    """The values that suit a run, and why, by the names of the lessons; a name that is not here keeps the guide's value."""
    profile, size = run.profile, f"profile {run.profile_name}"
    few = {name: getattr(profile, name) for name in SIZES}
    here = {name: (value, f"{size}: minutes instead of hours") for name, value in few.items()}
    here["max_length"] = profile.max_length, f"{size}: fewer tokens take less time"
    here["truncation_side"] = profile.truncation_side, f"{size}: the end is a guess at where reviewers sum up"
    here["num_epochs"] = profile.num_epochs, size
    here = {name: pair for name, pair in here.items() if pair[0] is not None}
    here |= assets.values(run.assets)
    here["precision"] = run.precision, "this device computes faster in half precision"
    here["train_sampling_strategy"] = "group_by_length", "reviews of similar length need less padding"
    if (run.track, run.assets, run.device) == ("pytorch", "hub", "gpu"):
        here["zero_shot"] = "facebook/bart-large-mnli", "there is a GPU"
    if folder := os.environ.get("TUTORIAL_OUTPUT"):
        here["output_dir"] = folder, "TUTORIAL_OUTPUT says so"
    return here


def check_seed(seed) -> None:
    """Raise ``TutorialError`` if ``seed`` is not a whole number that numpy takes."""
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < SEEDS:
        raise TutorialError(f"seed is {str(seed)[:40]!r}; it must be a whole number from 0 to {SEEDS - 1}.")


def check_folder(folder: str | Path, disk_gb: float) -> None:
    """Make the folder if need be; raise ``TutorialError`` if it cannot be written or has too little room."""
    folder = Path(folder).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise TutorialError(
            f"The model cannot be saved in {folder} ({error.strerror}); set output_dir to a folder you can write."
        ) from None
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < disk_gb:
        raise TutorialError(
            f"{folder} has {free_gb:.1f} GB left, and training needs {disk_gb} GB for its checkpoints; "
            "free some space, or set output_dir to a folder on a larger disk."
        )


def _shown(value) -> str:
    """A value for the table: of a long path its end, of a dictionary its entries."""
    if isinstance(value, dict):
        return ", ".join(f"`{name}` {entry}" for name, entry in value.items()) or "none"
    if isinstance(value, str) and Path(value).is_absolute():
        return f"`…/{'/'.join(Path(value).parts[-2:])}`"
    return {None: "all"}.get(value, f"`{value}`" if isinstance(value, str) else str(value))
