"""Sharing on the Hugging Face Hub without surprises."""

import logging
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

from helpers.errors import hub_answer

NOT_LOGGED_IN = "Not shared: run notebook_login() in Train to log in, then run the notebook again from Train."


def _git_settings() -> dict[str, str]:
    """The environment for git while it pushes: it knows the token from there alone, and writes it to no file."""
    from huggingface_hub import constants, get_token

    host = re.sub("//", f"//user:{get_token()}@", constants.ENDPOINT, count=1)
    # Without locksverify git-lfs would note the address with the token in the settings of the clone.
    settings = [
        ("credential.helper", ""),
        ("lfs.locksverify", "false"),
        (f"url.{host}/.insteadOf", f"{constants.ENDPOINT}/"),
    ]
    named = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(settings)}
    named |= {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(settings)}
    return {"GIT_CONFIG_COUNT": str(len(settings)), **named}


@contextmanager
def sharing(said: bool = True):
    """Turn whatever stops a push into one printed sentence, so that Run All goes on; ``said`` announces a success too.

    The error itself is not shown, nor what huggingface_hub logs: the addresses of its git commands carry the token.
    """
    # Not by its level: where that is high, Repository.git_push passes over errors.
    handlers = [*logging.getLogger("huggingface_hub").handlers, *logging.root.handlers]
    for handler in handlers:
        handler.addFilter(_not_from_the_hub)
    git = _git_settings()
    before = {name: os.environ.get(name) for name in git}
    os.environ.update(git)
    try:
        yield
        if said:
            print("Shared: you find the model on your page of the Hub.")
    except Exception as error:
        print(f"Not shared: {_sentence(error)}. Your model is safe; run the cell under Share again when that is done.")
    finally:
        for handler in handlers:
            handler.removeFilter(_not_from_the_hub)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def guard(callback) -> None:
    """Let no push of a ``PushToHubCallback`` stop a training; take the token out of the settings of its clone."""
    push = callback.repo.push_to_hub
    settings = Path(callback.repo.local_dir) / ".git" / "config"
    settings.write_text(re.sub("//[^@/\n]*@", "//", settings.read_text()))

    def guarded(*arguments, **more):
        pushed = None
        with _without_logs(callback.repo), sharing(said=False):
            pushed = push(*arguments, **more)
        return pushed or (None, None)

    callback.repo.push_to_hub = guarded


def finish(callback) -> None:
    """Push what a ``PushToHubCallback`` has not pushed yet, and say what came of it.

    ``callback`` is ``None`` where nobody was logged in.
    """
    if callback is None:
        print(NOT_LOGGED_IN)
        return
    with _without_logs(callback.repo), sharing():
        repository = callback.repo
        callback.model.save_pretrained(callback.output_dir)
        callback.tokenizer.save_pretrained(callback.output_dir)
        if not repository.is_repo_clean():
            repository.git_add(auto_lfs_track=True)
            repository.git_commit("End of training")
        repository.git_push()  # unlike push_to_hub, it tells when it failed


@contextmanager
def _without_logs(repository):
    """Delete what git-lfs notes of a push that breaks off or is stopped: it writes the address with the token there."""
    try:
        yield
    finally:
        shutil.rmtree(Path(repository.local_dir) / ".git" / "lfs" / "logs", ignore_errors=True)


def _not_from_the_hub(record: logging.LogRecord) -> bool:
    return not record.name.startswith("huggingface_hub")


def _sentence(error: BaseException) -> str:
    return (
        hub_answer(error) or f"the push failed ({type(error).__name__}); check that the network is there, and try again"
    )
