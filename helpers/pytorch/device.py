"""The device that PyTorch finds."""

import os

from helpers.process import cpu_precision


def find(wanted: str) -> tuple[str, str, str]:
    """See ``process.find``."""
    if wanted == "cpu":
        # Neither the Trainer nor a pipeline may take a GPU unasked.
        os.environ |= {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    import torch

    if wanted != "cpu" and torch.cuda.is_available():
        precision = "bf16" if torch.cuda.get_device_capability() >= (8, 0) else "fp16"
        return "gpu", torch.cuda.get_device_name(), precision
    if wanted != "cpu" and torch.backends.mps.is_available():
        return "gpu", "Apple GPU", "fp32"
    return "cpu", f"CPU, {torch.get_num_threads()} threads", cpu_precision()
