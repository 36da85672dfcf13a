"""The process a track runs in: which device, which number format, and what is set up before anything is imported."""

import ctypes
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from helpers import environments


def find(track: str, wanted: str) -> tuple[str, str, str]:
    """The device for ``track``: ``("cpu" or "gpu", its name, "fp32", "bf16" or "fp16")``.

    ``wanted`` is ``"auto"``, ``"cpu"`` or ``"gpu"``; where no GPU is, the answer is the CPU all the same.
    """
    return (_pytorch_device if track == "pytorch" else _tensorflow_device)(wanted)


def prepare(track: str) -> None:
    """Set up this process for the lessons of ``track``; call it before importing transformers."""
    keep_freed_memory()
    if track == "tensorflow":
        environments.keep_out_pytorch()
    else:
        # Where a repository has no safetensors file, transformers would ask a service of the Hub to make one.
        os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
        # An upload that fails is tried again at once, and a learner told; by default that takes some minutes.
        os.environ.setdefault("HF_XET_CLIENT_RETRY_MAX_DURATION", "5s")


def keep_freed_memory() -> None:
    """Tell glibc to reuse freed blocks of memory instead of returning them to the system after each operation.

    A training step frees and asks for the same large blocks again, and the system clears them each time. With batches of
    512 tokens a CPU trains 1.2 (TensorFlow) to 1.9 times (PyTorch) as fast; with the quick profile's small ones it makes no
    difference (``benchmarks/README.md``). Other C libraries lack the call and are left alone.
    """
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(m_mmap_threshold, 2**30)
        mallopt(m_trim_threshold, 2**31 - 1)


def _pytorch_device(wanted: str) -> tuple[str, str, str]:
    if wanted == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a pipeline would take the GPU unasked
    import torch

    if wanted != "cpu" and torch.cuda.is_available():
        precision = "bf16" if torch.cuda.get_device_capability() >= (8, 0) else "fp16"
        return "gpu", torch.cuda.get_device_name(), precision
    if wanted != "cpu" and torch.backends.mps.is_available():
        return "gpu", "Apple GPU", "fp32"
    return "cpu", f"CPU, {torch.get_num_threads()} threads", cpu_precision()


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
    return "cpu", f"CPU, {os.cpu_count()} threads", cpu_precision()


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


def cpu_precision() -> str:
    """``"bf16"`` where the processor multiplies bf16 numbers itself; elsewhere that is emulated, and slow."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "fp32"
    return "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "fp32"
