"""Sharing on the Hugging Face Hub without surprises."""

import logging
import os
import shutil
import sys
from contextlib import contextmanager

from helpers.errors import hub_answer

# Settings of git for its time in ``sharing``: an empty helper, so that git does not write the token to a file.
_GIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": ""}


@contextmanager
def sharing():
    """Turn whatever stops a push into one printed sentence, so that Run All goes on.

    The error itself is not shown, nor what huggingface_hub logs: the addresses of its git commands carry the token.
    """
    # Not by its level: where that is high, Repository.git_push passes over errors.
    handlers = [*logging.getLogger("huggingface_hub").handlers, *logging.root.handlers]
    for handler in handlers:
        handler.addFilter(_not_from_the_hub)
    before = {name: os.environ.get(name) for name in _GIT}
    os.environ.update(_GIT)
    try:
        yield
        print("Shared: you find the model on your page of the Hub.")
    except Exception as error:
        print(f"Not shared: {_sentence(error)}. Your model is safe on disk; run this cell again when that is done.")
    finally:
        for handler in handlers:
            handler.removeFilter(_not_from_the_hub)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _not_from_the_hub(record: logging.LogRecord) -> bool:
    return not record.name.startswith("huggingface_hub")


def _sentence(error: BaseException) -> str:
    missing = [tool for tool in ("git", "git-lfs") if shutil.which(tool) is None]
    answer = hub_answer(error)
    if answer is None and missing:  # PushToHubCallback needs both
        how = (
            "run in a cell: !apt-get install -y git-lfs" if "google.colab" in sys.modules else "install git and git-lfs"
        )
        return f"{missing[0]} is not installed; {how}"
    return answer or f"the push failed ({type(error).__name__}); check that the network is there, and try again"
