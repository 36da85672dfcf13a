"""How big a run is, which assets it uses and on which device: checked before anything slow starts."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from helpers import device as process
from helpers import environments
from helpers.errors import TutorialError, explain_in_notebook
from helpers.progress import waiting

TRACKS = tuple(environments.NAMES)
ASSETS = ("auto", "embedded", "hub")
DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True)
class Profile:
    """The size of a run.

    ``train_reviews`` and ``test_reviews`` are counts, ``None`` for all there are; so are ``validation_reviews``, which no
    training sees, and ``snippets``, sentences of other reviews. A review keeps ``max_tokens`` tokens, the two special ones
    included; ``truncation_side`` is the end that is cut. ``minutes`` says how long the parts of a lesson take,
    ``train_seconds`` how long a track's training and evaluation: measured on two cores of a server processor of 2021,
    estimated or left out for ``full``. ``disk_gb`` is what the model and two or three checkpoints need on disk while it trains.
    """

    train_reviews: int | None
    test_reviews: int | None
    validation_reviews: int
    snippets: int | None
    max_tokens: int
    truncation_side: str
    epochs: dict[str, int]
    logging_steps: int
    disk_gb: float
    minutes: dict[str, str]
    train_seconds: dict[str, float]


PROFILES = {
    "smoke": Profile(
        train_reviews=48,
        test_reviews=32,
        validation_reviews=32,
        snippets=32,
        max_tokens=48,
        truncation_side="left",
        epochs={"pytorch": 1, "tensorflow": 1},
        logging_steps=1,
        disk_gb=0.6,
        minutes={"Train": "seconds", "other": "seconds"},
        train_seconds={"pytorch": 10, "tensorflow": 20},
    ),
    "quick": Profile(
        train_reviews=2_400,
        test_reviews=1_000,
        validation_reviews=500,
        snippets=1_000,
        max_tokens=160,
        truncation_side="left",
        epochs={"pytorch": 1, "tensorflow": 1},
        logging_steps=5,
        disk_gb=0.6,
        minutes={"Train": "2 to 5 minutes", "Predict": "about a minute", "other": "seconds"},
        train_seconds={"pytorch": 150, "tensorflow": 270},
    ),
    # The guide's numbers: 2 epochs in PyTorch, 3 in TensorFlow, cut at the checkpoint's own 512 tokens.
    "full": Profile(
        train_reviews=None,
        test_reviews=None,
        validation_reviews=2_500,
        snippets=None,
        max_tokens=512,
        truncation_side="right",
        epochs={"pytorch": 2, "tensorflow": 3},
        logging_steps=50,
        disk_gb=3,
        minutes={"Train": "minutes on a GPU, hours on a CPU", "Predict": "minutes on a GPU", "other": "1 to 2 minutes"},
        train_seconds={},
    ),
}


@dataclass(frozen=True)
class Settings:
    """What a lesson runs with, once environment variables have had their say.

    ``device`` is ``"cpu"`` or ``"gpu"``, ``device_name`` what it is called, ``precision`` one of
    ``"fp32"``, ``"bf16"``, ``"fp16"``.
    """

    track: str
    profile_name: str
    profile: Profile
    assets: str
    device: str
    device_name: str
    precision: str
    seed: int
    output_dir: Path

    @property
    def epochs(self) -> int:
        return self.profile.epochs[self.track]

    @property
    def train_seconds(self) -> float | None:
        """How long training and evaluation take on a CPU, about; ``None`` on a GPU, where nobody measured."""
        return self.profile.train_seconds.get(self.track) if self.device == "cpu" else None


def resolve(
    track, *, profile="quick", assets="auto", device="auto", seed=42, output_dir="my_awesome_model"
) -> Settings:
    """Check the settings of a lesson and find its device.

    The environment variables ``TUTORIAL_PROFILE``, ``TUTORIAL_ASSETS``, ``TUTORIAL_DEVICE`` and
    ``TUTORIAL_OUTPUT`` override the arguments. Sets up the process for the track: call it before importing
    transformers. From then on a notebook shows a full disk or a failing Hub as one sentence.

    Raises ``TutorialError`` for a value that is not allowed, a package that is missing or unfit,
    a GPU that is not there, or a folder that cannot be written or has too little room.
    """
    explain_in_notebook()
    _one_of("track", track, TRACKS)
    profile = _one_of("TUTORIAL_PROFILE", os.environ.get("TUTORIAL_PROFILE") or profile, PROFILES)
    assets = _one_of("TUTORIAL_ASSETS", os.environ.get("TUTORIAL_ASSETS") or assets, ASSETS)
    device = _one_of("TUTORIAL_DEVICE", os.environ.get("TUTORIAL_DEVICE") or device, DEVICES)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise TutorialError(f"SEED is {seed!r}; it must be a whole number, 0 or more.")
    environments.check_packages(track)
    output_dir = _writable(Path(os.environ.get("TUTORIAL_OUTPUT") or output_dir), PROFILES[profile].disk_gb)
    process.prepare(track)
    with waiting(f"Starting {environments.NAMES[track]}", 5):
        found, name, precision = process.find(track, device)
    if device == "gpu" and found != "gpu":
        raise TutorialError(
            f"TUTORIAL_DEVICE is gpu, but {environments.NAMES[track]} finds no GPU on this machine; "
            "choose cpu or auto, or install a build with GPU support."
        )
    return Settings(track, profile, PROFILES[profile], assets, found, name, precision, seed, output_dir)


def _one_of(name, value, allowed):
    if value not in allowed:
        raise TutorialError(f"{name} is {value!r}; it must be one of: {', '.join(allowed)}.")
    return value


def _writable(folder: Path, disk_gb: float) -> Path:
    """The folder as an absolute path, made if need be, or an error if it cannot be written or has too little room."""
    folder = folder.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise TutorialError(
            f"The model cannot be saved in {folder} ({error.strerror}); set TUTORIAL_OUTPUT to a folder you can write."
        ) from None
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < disk_gb:
        raise TutorialError(
            f"{folder} has {free_gb:.1f} GB left, and training needs {disk_gb} GB for its checkpoints; "
            "free some space, or set TUTORIAL_OUTPUT to a folder on a larger disk."
        )
    return folder


LESSON_01 = {
    "Load": "get the movie reviews and look at them",
    "Preprocess": "turn text into tokens, and tokens into batches",
    "Evaluate": "choose a metric, and measure a simple baseline",
    "Train": "fine-tune a checkpoint",
    "Share": "put the model on the Hub, if you are logged in",
    "Inference": "classify text of your own",
}
LESSON_02 = {
    "Open": "load the model of lesson 01, and reviews that it has never seen",
    "Predict": "classify them all, once",
    "Count": "accuracy, and which mistakes are common",
    "Confidence": "see whether the model knows when it is unsure, and mend it",
    "Kinds of review": "find where it is weak",
    "Mistakes": "read the surest ones, and the words that led to them",
    "Challenge": "try sentences that are hard on purpose",
    "Another domain": "try texts of another kind",
}


def overview(settings: Settings, reason: str, parts: dict[str, str] = LESSON_01):
    """The table at the top of a lesson: its parts, how long each takes, and what it runs on.

    Returns an IPython ``Markdown`` object. ``reason`` is the line that says where the assets come from; ``parts`` says
    what you do in each section.
    """
    from IPython.display import Markdown

    minutes = settings.profile.minutes
    rows = "\n".join(f"| {name} | {what} | {minutes.get(name, minutes['other'])} |" for name, what in parts.items())
    installed = ", ".join(f"{name} {version}" for name, version in environments.versions(settings.track).items())
    return Markdown(
        f"| part | what you do | time, profile {settings.profile_name} |\n|---|---|---|\n{rows}\n\n"
        f"Device: {settings.device_name}, {settings.precision}. {reason}\n\nVersions: {installed}."
    )
