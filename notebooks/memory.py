"""How much memory JupyterLab's server, a lesson's kernel and what it starts take together, and a real limit on it, as on mybinder.org."""

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


@contextmanager
def limited(gigabytes: float | None):
    """A function that puts a process id under a limit of so many GB (10⁹ bytes); ``None`` puts it under none.

    Linux control groups do it, version 1 or 2. Ends the program with one sentence where they cannot be made.
    """
    if gigabytes is None:
        yield lambda pid: None
        return
    old = (CGROUPS / "memory").is_dir()
    folder = (CGROUPS / "memory" if old else CGROUPS) / f"tutorial-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(int(gigabytes * 1e9)))
        if not old:
            (folder / "memory.swap.max").write_text("0")
    except OSError as error:
        if folder.is_dir():
            folder.rmdir()
        sys.exit(f"No limit on memory can be set here ({error}); it takes Linux, the memory control group, and root.")
    try:
        yield lambda pid: (folder / "cgroup.procs").write_text(str(pid))
    finally:
        for pid in (folder / "cgroup.procs").read_text().split():
            ((CGROUPS / "memory" if old else CGROUPS) / "cgroup.procs").write_text(pid)
        folder.rmdir()


@contextmanager
def server(confine):
    """JupyterLab's server on loopback, under the limit that ``confine`` sets; gives its process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--ip=127.0.0.1", "--allow-root"]
        process = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            confine(process.pid)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


class Sampler:
    """Notes, twice a second, the largest sum of what some processes and all that they started hold, in GB.

    It is the resident set size, so memory that two of them share counts twice.
    """

    def __init__(self, *pids: int):
        self.processes = [psutil.Process(pid) for pid in pids]
        self.peak_gb, self.done = 0.0, threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def sample(self) -> None:
        while not self.done.wait(0.5):
            held = 0
            try:
                for process in self.processes:
                    held += process.memory_info().rss
                    for child in process.children(recursive=True):
                        with suppress(psutil.NoSuchProcess):
                            held += child.memory_info().rss
            except psutil.Error:  # one of them is gone
                return
            self.peak_gb = max(self.peak_gb, held / 1e9)

    def stop(self) -> float:
        self.done.set()
        self.thread.join()
        return round(self.peak_gb, 2)
