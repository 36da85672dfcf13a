"""The device that TensorFlow finds."""

import os
from contextlib import contextmanager

from helpers.process import cpu_precision


def find(wanted: str) -> tuple[str, str, str]:
    """See ``process.find``."""
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
