"""What tests need from the system beside Python packages, and a PATH that lacks it."""

import os
import shutil
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import pytest

INSTALL = {
    "git": "apt-get install git",
    "git-lfs": "apt-get install git-lfs",
    "chromium": "apt-get install chromium",
    "mount": "run them as root on Linux",
    "npm": "apt-get install npm",
    "namespace": "run them as root on Linux",
}
LACKS = "this machine lacks "
# The lesson that starts processes of its own: it takes minutes, and what it finds are numbers, no pictures.
PROCESSES = "05_more_than_one_process"
# Elsewhere than as root, as on a hosted runner, sudo may ask for no password.
AS_ROOT = [] if os.getuid() == 0 or shutil.which("sudo") is None else ["sudo", "-n"]


def has(tool: str) -> bool:
    """Whether the system has a tool; for ``mount`` and ``namespace``, whether it also lets us use it."""
    if tool == "chromium":
        return chromium() is not None
    if tool == "mount":
        with tempfile.TemporaryDirectory() as folder:
            return small_disk(Path(folder), "1m") and subprocess.run([*AS_ROOT, "umount", folder]).returncode == 0
    if tool == "namespace":  # of the network, with a loopback of its own
        command = [*AS_ROOT, "unshare", "--net", "ip", "link", "set", "lo", "up"]
        return (
            all(map(shutil.which, ("unshare", "ip"))) and subprocess.run(command, capture_output=True).returncode == 0
        )
    return shutil.which(tool) is not None


def small_disk(folder: Path, size: str) -> bool:
    """Mount a disk of this size in memory; whether that was allowed. Unmount it with ``AS_ROOT`` in front of umount."""
    if shutil.which("mount") is None:
        return False
    owner = f"size={size},uid={os.getuid()},gid={os.getgid()}"
    command = [*AS_ROOT, "mount", "-t", "tmpfs", "-o", owner, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def need(tool: str) -> None:
    """Skip the test where the system lacks ``tool``; in CI, where everything must be tried, fail it.

    A namespace of the network is not allowed on every hosted runner; there the last line says that it was left out.
    """
    if not has(tool):
        (pytest.fail if os.environ.get("CI") and tool != "namespace" else pytest.skip)(
            f"{LACKS}{tool}: {INSTALL[tool]}"
        )


def turn(number: int, of: int) -> bool:
    """Whether a slow test has its turn: always, and in CI on one day of so many. Every lesson runs under nbval every time."""
    return not os.environ.get("CI") or date.today().toordinal() % of == number % of


def summary(reasons: list[str]) -> str | None:
    """One line for the end: how many tests were left out for want of what, and how to get it."""
    lacking = [reason.partition(LACKS)[2] for reason in reasons if LACKS in reason]
    if not lacking:
        return None
    tests = "1 test was" if len(lacking) == 1 else f"{len(lacking)} tests were"
    names = {line.partition(":")[0]: line.partition(": ")[2] for line in lacking}
    return f"{tests} left out, because this machine lacks {' and '.join(names)}. To run them too: {'; '.join(names.values())}."


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def path_without(folder: Path, *tools: str) -> str:
    """A PATH on which everything is but ``tools``, made of links in ``folder``."""
    shelf = folder / "shelf"
    shelf.mkdir(exist_ok=True)
    for place in os.environ["PATH"].split(os.pathsep):
        for file in Path(place).iterdir() if Path(place).is_dir() else []:
            if file.name not in tools and not (shelf / file.name).exists():
                (shelf / file.name).symlink_to(file)
    return str(shelf)
