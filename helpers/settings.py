"""How big a run is, which assets it uses and on which device: checked before anything slow starts."""

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import TutorialError

TRACKS = ("pytorch", "tensorflow")
ASSETS = ("auto", "embedded", "hub")
DEVICES = ("auto", "cpu", "gpu")

# The release of transformers whose TensorFlow classes work, with and without torch. In 4.53 a pipeline needs torch,
# in 4.54 every import does, 4.55 to 4.57 cannot load a safetensors checkpoint, and 5 has no TensorFlow classes.
TENSORFLOW_TRANSFORMERS = "4.52.4"


@dataclass(frozen=True)
class Profile:
    """The size of a run.

    ``train_reviews`` and ``test_reviews`` are counts, ``None`` for all there are. A review keeps ``max_tokens``
    tokens, the two special ones included; ``truncation_side`` is the end that is cut. ``minutes`` says how long the
    parts of a lesson take: measured on two cores of a server processor of 2021, estimated for ``full``.
    """

    train_reviews: int | None
    test_reviews: int | None
    max_tokens: int
    truncation_side: str
    epochs: dict[str, int]
    logging_steps: int
    minutes: dict[str, str]


PROFILES = {
    "smoke": Profile(
        train_reviews=48,
        test_reviews=32,
        max_tokens=48,
        truncation_side="left",
        epochs={"pytorch": 1, "tensorflow": 1},
        logging_steps=1,
        minutes={"Train": "seconds", "other": "seconds"},
    ),
    "quick": Profile(
        train_reviews=2_400,
        test_reviews=1_000,
        max_tokens=160,
        truncation_side="left",
        epochs={"pytorch": 1, "tensorflow": 1},
        logging_steps=5,
        minutes={"Train": "3 to 5 minutes", "other": "seconds"},
    ),
    # The guide's numbers: 2 epochs in PyTorch, 3 in TensorFlow, cut at the checkpoint's own 512 tokens.
    "full": Profile(
        train_reviews=None,
        test_reviews=None,
        max_tokens=512,
        truncation_side="right",
        epochs={"pytorch": 2, "tensorflow": 3},
        logging_steps=50,
        minutes={"Train": "minutes on a GPU, hours on a CPU", "other": "1 to 2 minutes"},
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


def resolve(
    track, *, profile="quick", assets="auto", device="auto", seed=42, output_dir="my_awesome_model"
) -> Settings:
    """Check the settings of a lesson and find its device.

    The environment variables ``TUTORIAL_PROFILE``, ``TUTORIAL_ASSETS``, ``TUTORIAL_DEVICE`` and
    ``TUTORIAL_OUTPUT`` override the arguments. Keeps the other track's framework out of the
    process: call it before importing transformers.

    Raises ``TutorialError`` for a value that is not allowed, a package that is missing or unfit,
    a GPU that is not there, or a folder that cannot be written.
    """
    _one_of("track", track, TRACKS)
    profile = _one_of("TUTORIAL_PROFILE", os.environ.get("TUTORIAL_PROFILE") or profile, PROFILES)
    assets = _one_of("TUTORIAL_ASSETS", os.environ.get("TUTORIAL_ASSETS") or assets, ASSETS)
    device = _one_of("TUTORIAL_DEVICE", os.environ.get("TUTORIAL_DEVICE") or device, DEVICES)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise TutorialError(f"SEED is {seed!r}; it must be a whole number, 0 or more.")
    check_packages(track)
    output_dir = _writable(Path(os.environ.get("TUTORIAL_OUTPUT") or output_dir))
    _keep_out_the_other_framework(track)
    _keep_freed_memory()
    find_device = _pytorch_device if track == "pytorch" else _tensorflow_device
    found, name, precision = find_device(device)
    if device == "gpu" and found != "gpu":
        raise TutorialError(
            f"TUTORIAL_DEVICE is gpu, but {_framework(track)} finds no GPU on this machine; "
            "choose cpu or auto, or install a build with GPU support."
        )
    return Settings(track, profile, PROFILES[profile], assets, found, name, precision, seed, output_dir)


def check_packages(track: str) -> None:
    """Raise ``TutorialError`` if the track's framework is missing or its transformers release cannot work."""
    needed = {"pytorch": ["torch", "accelerate"], "tensorflow": ["tensorflow", "tf_keras"]}[track]
    for name in [*needed, "transformers"]:
        if importlib.util.find_spec(name) is None:
            raise TutorialError(f"The package {name} is not installed; run: pip install {name.replace('_', '-')}")
    if track == "tensorflow":
        version = importlib.metadata.version("transformers")
        if version != TENSORFLOW_TRANSFORMERS:
            raise TutorialError(
                f"The TensorFlow classes of transformers {version} are missing or broken; "
                f"run: pip install 'transformers=={TENSORFLOW_TRANSFORMERS}', then restart the kernel."
            )


def versions(track: str) -> dict[str, str]:
    """The installed versions of what a track leans on, Python first."""
    frameworks = {"pytorch": ["torch", "accelerate"], "tensorflow": ["tensorflow", "tf-keras"]}
    names = ["transformers", "datasets", "evaluate", *frameworks[track]]
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}


def _keep_out_the_other_framework(track: str) -> None:
    if track == "pytorch":
        os.environ["USE_TF"] = "0"
    else:
        os.environ["USE_TORCH"] = "0"
        # accelerate brings torch with it. Where transformers finds it with torch turned off, importing a pipeline
        # fails (NameError: LRScheduler); None makes Python, and so transformers, find no such package.
        sys.modules.setdefault("accelerate", None)


def _keep_freed_memory() -> None:
    """Tell glibc to reuse freed blocks of memory instead of returning them to the system after each operation.

    A training step frees and asks for the same large blocks again; without the system clearing them each time,
    TensorFlow trains about 1.14 times as fast on a CPU. Other C libraries lack the call and are left alone.
    """
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(m_mmap_threshold, 2**30)
        mallopt(m_trim_threshold, 2**31 - 1)


def _one_of(name, value, allowed):
    if value not in allowed:
        raise TutorialError(f"{name} is {value!r}; it must be one of: {', '.join(allowed)}.")
    return value


def _framework(track: str) -> str:
    return "PyTorch" if track == "pytorch" else "TensorFlow"


def _writable(folder: Path) -> Path:
    """The folder as an absolute path, made if need be, or an error if nothing can be written there."""
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
    return folder


def _pytorch_device(wanted: str) -> tuple[str, str, str]:
    if wanted == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a pipeline would take the GPU unasked
    import torch

    if wanted != "cpu" and torch.cuda.is_available():
        precision = "bf16" if torch.cuda.get_device_capability() >= (8, 0) else "fp16"
        return "gpu", torch.cuda.get_device_name(), precision
    if wanted != "cpu" and torch.backends.mps.is_available():
        return "gpu", "Apple GPU", "fp32"
    return "cpu", f"CPU, {torch.get_num_threads()} threads", _cpu_precision()


def _tensorflow_device(wanted: str) -> tuple[str, str, str]:
    # Quiet unless the learner asked otherwise; all three must be set before the first import.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # Intel's oneDNN kernels: TensorFlow uses them unasked on some processors only, and they are faster on others too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _stderr_muted():
        import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "cpu":
        tf.config.set_visible_devices([], "GPU")
    elif gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        precision = "bf16" if details.get("compute_capability", (0, 0)) >= (8, 0) else "fp16"
        return "gpu", details.get("device_name", "GPU"), precision
    return "cpu", f"CPU, {os.cpu_count()} threads", _cpu_precision()


@contextmanager
def _stderr_muted():
    """Send file descriptor 2 nowhere: what TensorFlow's C++ code prints at import cannot be turned off otherwise."""
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _cpu_precision() -> str:
    """``"bf16"`` where the processor multiplies bf16 numbers itself; elsewhere that is emulated, and slow."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "fp32"
    return "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "fp32"


def batches_of_like_length() -> dict[str, object]:
    """The argument of ``TrainingArguments`` that puts reviews of like length into one batch, which saves padding.

    Release 5 of transformers renamed it.
    """
    if int(importlib.metadata.version("transformers").split(".")[0]) < 5:
        return {"group_by_length": True}
    return {"train_sampling_strategy": "group_by_length"}


def overview(settings: Settings, reason: str):
    """The table at the top of a lesson: its parts, how long each takes, and what it runs on.

    Returns an IPython ``Markdown`` object. ``reason`` is the line that says where the assets come from.
    """
    from IPython.display import Markdown

    parts = {
        "Load": "get the movie reviews and look at them",
        "Preprocess": "turn text into tokens, and tokens into batches",
        "Evaluate": "choose a metric, and measure a simple baseline",
        "Train": "fine-tune a checkpoint",
        "Share": "put the model on the Hub, if you are logged in",
        "Inference": "classify text of your own",
    }
    minutes = settings.profile.minutes
    rows = "\n".join(f"| {name} | {what} | {minutes.get(name, minutes['other'])} |" for name, what in parts.items())
    installed = ", ".join(f"{name} {version}" for name, version in versions(settings.track).items())
    return Markdown(
        f"| part | what you do | time, profile {settings.profile_name} |\n|---|---|---|\n{rows}\n\n"
        f"Device: {settings.device_name}, {settings.precision}. {reason}\n\nVersions: {installed}."
    )
