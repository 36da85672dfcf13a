"""What is done to the process that a lesson runs in: packages checked, device found, memory, errors and signs of life."""

import ctypes
import importlib
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path

from helpers import assets, environments, errors, minutes, progress
from helpers.errors import TutorialError
from helpers.lessons import FIRST
from helpers.settings import Settings


def prepare(settings: Settings) -> Settings:
    """Set up this process for a lesson, and return its settings with the device and the assets that were found.

    Call it before importing transformers. From then on a notebook shows a full disk or a failing Hub as one sentence, and a
    line with the time below a cell that takes long.
    Raises ``TutorialError`` for a package that is missing or unfit, and for a GPU or a Hub that is not there.
    """
    errors.explain_in_notebook()
    environments.check_packages(settings.track)
    set_up(settings.track, keep_memory=settings.profile.max_length is None)  # where batches are large
    expected: dict[str, float] = {}
    progress.watch(expected)
    found, name, precision = find(settings.track, settings.device)
    train_seconds = minutes.seconds(FIRST, settings.track, "Train")
    if found == "cpu" and settings.profile_name == "quick" and train_seconds:  # what was measured
        expected |= dict.fromkeys(("trainer.train(", "model.fit(", "first_model.find_or_train("), train_seconds)
    if settings.device == "gpu" and found != "gpu":
        raise TutorialError(
            f"TUTORIAL_DEVICE is gpu, but {environments.NAMES[settings.track]} finds no GPU on this machine; "
            "choose cpu or auto, or install a build with GPU support."
        )
    settings = replace(settings, device=found, device_name=name, precision=precision)
    chosen, reason = assets.choose(settings)
    return replace(settings, assets=chosen, reason=reason)


def find(track: str, wanted: str) -> tuple[str, str, str]:
    """The device for ``track``: ``("cpu" or "gpu", its name, "fp32", "bf16" or "fp16")``.

    ``wanted`` is ``"auto"``, ``"cpu"`` or ``"gpu"``; where no GPU is, the answer is the CPU all the same.
    """
    return importlib.import_module(f"helpers.{track}.device").find(wanted)


def set_up(track: str, keep_memory: bool = True) -> None:
    """Set what libraries read when they are imported; call it before importing transformers."""
    if keep_memory:
        keep_freed_memory()
    if track == "tensorflow":
        environments.keep_out_pytorch()
        return
    # Where a repository has no safetensors file, transformers would ask a service of the Hub to make one.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    # An upload that fails is tried again at once, and a learner told; by default that takes some minutes.
    os.environ.setdefault("HF_XET_CLIENT_RETRY_MAX_DURATION", "5s")
    # The Trainer pins memory for a GPU also where there is none, and torch warns about it at each evaluation.
    warnings.filterwarnings("ignore", ".*pin_memory.*")


def keep_freed_memory() -> None:
    """Tell glibc to reuse freed blocks of memory instead of returning them to the system after each operation.

    A training step frees and asks for the same large blocks again, and the system clears them each time. With batches of
    512 tokens a CPU trains 1.2 (TensorFlow) to 1.9 times (PyTorch) as fast; with the quick profile's small ones it makes no
    difference (``benchmarks/README.md``), and takes more memory. Other C libraries lack the call and are left alone.
    """
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(m_mmap_threshold, 2**30)
        mallopt(m_trim_threshold, 2**31 - 1)


def cpu_precision() -> str:
    """``"bf16"`` where the processor is faster with it than in fp32, as far as its own description tells (Linux).

    That takes AMX, or an AMD processor with AVX-512 bf16. Intel's AVX-512 bf16 without AMX is no faster than fp32 in a matrix
    product, and a training step in it took 1.5 times as long (Xeon of 2023, ``benchmarks/README.md``); without either, bf16 is
    emulated.
    """
    try:
        about = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "fp32"
    return "bf16" if "amx_bf16" in about or ("avx512_bf16" in about and "AuthenticAMD" in about) else "fp32"
