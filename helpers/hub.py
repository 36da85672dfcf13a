"""Sharing on the Hugging Face Hub without surprises."""

import os
from contextlib import contextmanager

# Settings of git for its time in ``sharing``: an empty helper, so that git does not write the token to a file.
_GIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": ""}

_WHAT_TO_DO = {
    401: "the token is not valid; run notebook_login() with a new one",
    403: "the token may not write; make one with the write role, and run notebook_login()",
    404: "the repository was not found; check its name and your token's rights",
    429: "the Hub asks for a pause; wait a minute",
}


@contextmanager
def sharing():
    """Turn whatever stops a push into one printed sentence, so that Run All goes on.

    The error itself is not shown: the Hub's git commands carry the token in their address.
    """
    before = {name: os.environ.get(name) for name in _GIT}
    os.environ.update(_GIT)
    try:
        yield
    except Exception as error:
        print(f"Not shared: {_sentence(error)}. Your model is safe on disk; run this cell again when that is done.")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _sentence(error: BaseException) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return _WHAT_TO_DO.get(response.status_code, f"the Hub answered {response.status_code}; try again later")
    if "git-lfs" in str(error) or "git lfs" in str(error):
        return "git-lfs is not installed; install git and git-lfs"
    return f"the push failed ({type(error).__name__}); check that the network, git and git-lfs are there"
