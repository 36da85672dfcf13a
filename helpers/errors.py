"""What a learner sees when something goes wrong: one sentence that says what is wrong and what to do."""

import errno

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
    if isinstance(error, KeyboardInterrupt):
        return "Stopped. Run the notebook again when you like: training goes on from its last checkpoint."
    causes = list(_causes(error))
    if any(_is_disk_full(cause) for cause in causes):
        return "The disk is full; free some space, and run the notebook again: what was complete before is still there."
    answers = [answer for answer in map(hub_answer, causes) if answer]
    if answers:
        return f"{answers[0][0].upper()}{answers[0][1:]}; or set TUTORIAL_ASSETS=embedded to work without the Hub."
    return None


def hub_answer(error: BaseException) -> str | None:
    """What the Hub's answer, or its silence, means and what to do; ``None`` if the error is not about the Hub."""
    import requests
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return hub_answer_for(status)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set; unset it"
    if isinstance(error, requests.RequestException | ConnectionError):
        return "the connection to the Hub failed; check the network and try again"
    return None


def hub_answer_for(status: int) -> str:
    """What an HTTP status of the Hub means and what to do."""
    return HUB_ANSWERS.get(status, f"the Hub answered {status}; try again later")


def _causes(error: BaseException | None):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_disk_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) in DISK_FULL or any(words in str(error) for words in DISK_FULL_WORDS)
