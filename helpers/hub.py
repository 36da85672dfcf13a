"""Sharing on the Hugging Face Hub without surprises."""

import os
import shutil
from contextlib import contextmanager

from helpers.errors import hub_answer

# Settings of git for its time in ``sharing``: an empty helper, so that git does not write the token to a file.
_GIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": ""}


@contextmanager
def sharing():
    """Turn whatever stops a push into one printed sentence, so that Run All goes on.

    The error itself is not shown: the Hub's git commands carry the token in their address.
    """
    before = {name: os.environ.get(name) for name in _GIT}
    os.environ.update(_GIT)
    try:
        yield
        print("Shared: you find the model on your page of the Hub.")
    except Exception as error:
        print(f"Not shared: {_sentence(error)}. Your model is safe on disk; run this cell again when that is done.")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _sentence(error: BaseException) -> str:
    missing = [tool for tool in ("git", "git-lfs") if shutil.which(tool) is None]
    answer = hub_answer(error)
    if answer is None and missing:  # PushToHubCallback needs both
        return f"{missing[0]} is not installed; install git and git-lfs"
    return answer or f"the push failed ({type(error).__name__}); check that the network is there, and try again"
