"""How big a run is, which assets it uses and on which device. Checked here; nothing is changed or started."""

import os
from dataclasses import dataclass

from helpers.environments import NAMES
from helpers.errors import TutorialError

TRACKS = tuple(NAMES)
ASSETS = ("auto", "embedded", "hub")
DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True)
class Profile:
    """The size of a run, by the names that the lessons use; ``None`` where the guide's value stays.

    ``train_size``, ``validation_size``, ``test_size``, ``snippets_size``, ``sample_size``, ``texts_per_label`` and ``many_texts`` count texts. A review keeps
    ``max_length`` tokens, the two special ones included; ``truncation_side`` is the end that is cut. ``few_texts`` are counts of texts of a label
    that are drawn ``few_draws`` times. ``num_epochs`` are those of lesson 01, ``epochs`` those of lesson 04. ``disk_gb`` is what the model and
    two or three checkpoints need on disk while it trains.
    """

    disk_gb: float
    train_size: int | None = None
    validation_size: int | None = None
    test_size: int | None = None
    snippets_size: int | None = None
    sample_size: int | None = None
    texts_per_label: int | None = None
    many_texts: int | None = None
    few_texts: tuple[int, ...] | None = None
    few_draws: int | None = None
    epochs: int | None = None
    max_length: int | None = None
    truncation_side: str | None = None
    num_epochs: int | None = None


PROFILES = {
    "smoke": Profile(
        disk_gb=0.6,
        train_size=48,
        validation_size=32,
        test_size=32,
        snippets_size=32,
        max_length=48,
        truncation_side="left",
        num_epochs=1,
        sample_size=400,
        texts_per_label=40,
        many_texts=240,
        few_texts=(8,),
        few_draws=1,
        epochs=1,
    ),
    "quick": Profile(
        disk_gb=0.6,
        train_size=2_400,
        validation_size=300,
        test_size=1_000,
        snippets_size=1_000,
        max_length=160,
        truncation_side="left",
        num_epochs=1,
        sample_size=6_000,
        texts_per_label=600,
        many_texts=4_000,
        epochs=1,
    ),
    "full": Profile(disk_gb=3, sample_size=100_000),
}


@dataclass(frozen=True)
class Settings:
    """What a lesson runs with, once environment variables have had their say.

    ``process.prepare`` finds out what ``auto`` means for ``device`` (``"cpu"`` or ``"gpu"``) and ``assets`` (``"embedded"`` or
    ``"hub"``, and the reason), what the device is called, and the number format that suits it (``"fp32"``, ``"bf16"`` or
    ``"fp16"``).
    """

    track: str
    profile_name: str
    assets: str
    device: str
    reason: str = ""
    device_name: str = ""
    precision: str = "fp32"

    @property
    def profile(self) -> Profile:
        return PROFILES[self.profile_name]


def resolve(track: str, *, profile="quick", assets="auto", device="auto") -> Settings:
    """Check the settings of a lesson.

    The environment variables ``TUTORIAL_PROFILE``, ``TUTORIAL_ASSETS`` and ``TUTORIAL_DEVICE`` override the arguments.
    Raises ``TutorialError`` for a value that is not allowed.
    """
    _one_of("track", track, TRACKS)
    given = {"PROFILE": (profile, tuple(PROFILES)), "ASSETS": (assets, ASSETS), "DEVICE": (device, DEVICES)}
    checked = [
        _one_of(f"TUTORIAL_{name}", os.environ.get(f"TUTORIAL_{name}") or value, allowed)
        for name, (value, allowed) in given.items()
    ]
    return Settings(track, *checked)


def _one_of(name, value, allowed):
    if not isinstance(value, str) or value not in allowed:
        raise TutorialError(f"{name} is {str(value)[:40]!r}; it must be one of: {', '.join(allowed)}.")
    return value
