"""What a learner sees when something goes wrong: one sentence that says what is wrong and what to do."""

import errno
import re
import shutil
import sys
import traceback as tracebacks
from urllib.parse import urlsplit

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
# What asks the Hub for a lesson.
ASKING = ("huggingface_hub", "hf_xet", "transformers", "datasets", "evaluate")

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
    """From now on, show errors that ``explanation`` knows as its sentence, in any cell, the traceback folded below it.

    Other errors are shown as ever.
    """
    if "IPython" not in sys.modules:  # not a notebook: nothing to do, and nothing to import
        return
    from IPython import get_ipython

    def show(shell, kind, error, traceback, tb_offset=None):
        sentence = explanation(error)
        if sentence is None:
            shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
            return
        shell.showtraceback((TutorialError, TutorialError(sentence), None), tb_offset=tb_offset)
        if not isinstance(error, KeyboardInterrupt):
            _show_folded("".join(tracebacks.format_exception(kind, error, traceback)))

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((Exception, KeyboardInterrupt), show)


def _show_folded(text: str) -> None:
    """Show a traceback that is opened by a click, without tokens of the Hub."""
    import html

    from IPython.display import display

    text = without_tokens(text)
    folded = f"<details><summary>The error itself</summary><pre>{html.escape(text)}</pre></details>"
    display({"text/html": folded, "text/plain": text.strip().rpartition("\n")[2]}, raw=True)


def without_tokens(text: str) -> str:
    """The text without anything that looks like a token of the Hub, or like a name and password in an address."""
    return re.sub(r"//[^/@\s]+@", "//…@", re.sub(r"hf_\w+", "hf_…", text))


def explanation(error: BaseException) -> str | None:
    """One sentence for a stop, a full disk, or a Hub that fails; ``None`` for any other error."""
    if isinstance(error, TutorialError):  # says it better already
        return None
    if isinstance(error, KeyboardInterrupt):
        return "Stopped. Run the notebook again when you like: training goes on from its last checkpoint."
    if any(_is_disk_full(cause) for cause in _causes(error)):
        return "The disk is full; free some space, and run the notebook again: what was complete before is still there."
    answer = hub_answer(error)
    return (
        f"{answer[0].upper()}{answer[1:]}; or set TUTORIAL_ASSETS=embedded to work without the Hub." if answer else None
    )


def hub_answer(error: BaseException) -> str | None:
    """What the Hub's answer, or its silence, means and what to do; ``None`` if the error is not about the Hub.

    An error is about the Hub if huggingface_hub has made it, if it is an HTTP error of a request to the Hub's address, or if
    one of the libraries that ask the Hub raised it with words that say so.
    """
    from huggingface_hub import errors

    causes = [cause for cause in _causes(error) if _is_about_hub(cause)]
    if any(isinstance(cause, errors.OfflineModeIsEnabled) for cause in causes):
        return "HF_HUB_OFFLINE is set; unset it"
    for cause in causes:
        status = getattr(getattr(cause, "response", None), "status_code", None) or _status_in_words(str(cause))
        if status:
            return HUB_ANSWERS.get(status, f"the Hub answered {status}; try again later")
    missing = [tool for tool in ("git", "git-lfs") if shutil.which(tool) is None]
    by_git = any("huggingface_hub.repository" in modules for modules in map(_modules, causes))
    if missing and by_git:
        colab = "google.colab" in sys.modules
        how = "run in a cell: !apt-get install -y git-lfs" if colab else "install git and git-lfs"
        return f"{missing[0]} is not installed; {how}"
    if by_git or any(isinstance(cause, ConnectionError) or _library(cause) in HTTP_LIBRARIES for cause in causes):
        return "the connection to the Hub failed; check the network and try again"
    if any(words in str(cause) for cause in causes for words in NOT_FROM_HUB_WORDS):
        return "the Hub does not hand out a file of this repository; try again later"
    return None


def _is_about_hub(error: BaseException) -> bool:
    """See ``hub_answer``. Who raised an error is the last of the asking libraries in its traceback, if it is there at all."""
    if _library(error) == "huggingface_hub":
        return True
    if _library(error) in HTTP_LIBRARIES and (address := _address(error)):
        return _is_hub(address)
    raised_by = _packages(error)
    if not raised_by or raised_by[-1] == "__main__":
        return False
    asked = [name for name in raised_by if name in ASKING]
    if _library(error) in HTTP_LIBRARIES or raised_by[-1] in ("huggingface_hub", "hf_xet"):
        return bool(asked)
    words = any(words in str(error) for words in NOT_FROM_HUB_WORDS)
    return raised_by[-1] in ASKING and (words or isinstance(error, ConnectionError))


def _address(error: BaseException) -> str | None:
    """The address that was asked for, if an HTTP error knows it."""
    for holder in (getattr(error, "response", None), error):
        try:
            request = getattr(holder, "request", None)
            if address := getattr(request, "url", None) or getattr(holder, "url", None):
                return str(address)
        except RuntimeError:  # httpx: no request was noted
            continue
    return None


def _is_hub(address: str) -> bool:
    from huggingface_hub import constants

    host = urlsplit(address).hostname or ""
    own = urlsplit(constants.ENDPOINT).hostname
    return host == own or host.endswith((".huggingface.co", ".hf.co")) or host in ("huggingface.co", "hf.co")


def _modules(error: BaseException) -> list[str]:
    """The modules whose code an error came through, the one that raised it last."""
    return [frame.f_globals.get("__name__", "") for frame, _ in tracebacks.walk_tb(error.__traceback__)]


def _packages(error: BaseException) -> list[str]:
    return [name.partition(".")[0] for name in _modules(error)]


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
    """The error and what a library says it came from.

    What was being handled when a learner's own code raised another error is not its cause. Of the libraries some hide it.
    """
    while error is not None:
        yield error
        packages = _packages(error)
        by_library = not packages or packages[-1] in (*ASKING, *HTTP_LIBRARIES, "fsspec")
        error = error.__cause__ or (error.__context__ if by_library else None)


def _is_disk_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) in DISK_FULL or any(words in str(error) for words in DISK_FULL_WORDS)
