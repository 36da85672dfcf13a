"""What a learner sees when something goes wrong: one sentence that says what is wrong and what to do."""

import errno
import re
import sys

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# How libraries that write files from C++ or Rust say the same: safetensors, torch, TensorFlow.
DISK_FULL_WORDS = (
    "No space left",
    "File too large",
    "quota exceeded",
    "StorageFull",
    "PytorchStreamWriter",
    "unexpected pos",
)

# How transformers and evaluate report, without the cause, that a file did not come.
NOT_FROM_HUB_WORDS = (
    "does not appear to have a file named",
    "If you were trying to load it from 'https://huggingface.co",
    "doesn't exist on the Hugging Face Hub",
)

# huggingface_hub below 1 asks through requests, 1 through httpx, 2 through httpx2.
HTTP_LIBRARIES = ("requests", "urllib3", "httpx", "httpcore", "httpx2", "httpcore2")

HUB_ANSWERS = {
    401: "the token is not valid; run notebook_login() with a new one",
    403: "the token may not do this; make one with the write role, and run notebook_login()",
    404: "the repository was not found; check its name and your token's rights",
    429: "the Hub asks for a pause; wait a minute",
}


class TutorialError(Exception):
    """A problem the learner can solve: its text says what is wrong and what to do.

    IPython shows an exception that has ``_render_traceback_`` by what that returns,
    so a notebook prints the sentence and no traceback; Run All still stops there.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def explain_in_notebook() -> None:
    """From now on, show errors that ``explanation`` knows as its sentence, in any cell; others as ever."""
    if "IPython" not in sys.modules:  # not a notebook: nothing to do, and nothing to import
        return
    from IPython import get_ipython

    def show(shell, kind, error, traceback, tb_offset=None):
        sentence = explanation(error)
        if sentence:
            kind, error, traceback = TutorialError, TutorialError(sentence), None
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((Exception, KeyboardInterrupt), show)


def explanation(error: BaseException) -> str | None:
    """One sentence for a stop, a full disk, or a Hub that fails; ``None`` for any other error.

    Libraries wrap what happened in errors of their own, so the causes are looked at too.
    """
    if isinstance(error, TutorialError):  # says it better already
        return None
    if isinstance(error, KeyboardInterrupt):
        return "Stopped. Run the notebook again when you like: training goes on from its last checkpoint."
    causes = list(_causes(error))
    if any(_is_disk_full(cause) for cause in causes):
        return "The disk is full; free some space, and run the notebook again: what was complete before is still there."
    answer = hub_answer(error)
    return (
        f"{answer[0].upper()}{answer[1:]}; or set TUTORIAL_ASSETS=embedded to work without the Hub." if answer else None
    )


def hub_answer(error: BaseException) -> str | None:
    """What the Hub's answer, or its silence, means and what to do; ``None`` if the error is not about the Hub."""
    from huggingface_hub import errors

    causes = list(_causes(error))
    for cause in causes:
        status = getattr(getattr(cause, "response", None), "status_code", None) or _status_in_words(str(cause))
        if status:
            return HUB_ANSWERS.get(status, f"the Hub answered {status}; try again later")
    if any(isinstance(cause, errors.OfflineModeIsEnabled) for cause in causes):
        return "HF_HUB_OFFLINE is set; unset it"
    if any(isinstance(cause, ConnectionError) or _library(cause) in HTTP_LIBRARIES for cause in causes):
        return "the connection to the Hub failed; check the network and try again"
    if any(words in str(cause) for cause in causes for words in NOT_FROM_HUB_WORDS):
        return "the Hub does not hand out a file of this repository; try again later"
    return None


def _status_in_words(text: str) -> int | None:
    """The HTTP status that a message of git, git-lfs or hf_xet speaks of; hf_xet's errors carry nothing else."""
    if re.search("Authentication failed|could not read (Username|Password)", text):
        return 401
    if re.search("repository '.*' not found", text):
        return 404
    found = re.search(r"(?:returned error:?|status code:?|HTTP:?|HTTP status \w+ error) \(?(\d{3})", text)
    return int(found[1]) if found else None


def _library(error: BaseException) -> str:
    """The name of the package that an error's class comes from."""
    return type(error).__module__.partition(".")[0]


def _causes(error: BaseException | None):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_disk_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) in DISK_FULL or any(words in str(error) for words in DISK_FULL_WORDS)
