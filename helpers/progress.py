"""A sign of life: a line below a cell that takes long."""

import contextvars
import sys
import threading
import time

from helpers import minutes

PATIENCE, EVERY = 1.5, 1.0  # seconds until the line comes, and between two


def watch(expected: dict[str, float]) -> None:
    """From now on, this cell included, show below each cell that takes long for how long it runs; outside a notebook nothing.

    ``expected`` maps a text in a cell to the seconds that this cell takes in all, about.
    """
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    if (shell := get_ipython()) is None:
        return
    for event in ("pre_run_cell", "post_run_cell"):
        for callback in list(shell.events.callbacks[event]):
            if isinstance(getattr(callback, "__self__", None), Watch):
                shell.events.unregister(event, callback)
                callback.__self__.stop()
    watching = Watch(expected)
    shell.events.register("pre_run_cell", watching.start)
    shell.events.register("post_run_cell", watching.stop)
    watching.start()


class Watch:
    """The line below the cell that runs; see ``watch``. It goes when the cell is done."""

    def __init__(self, expected: dict[str, float]):
        self.expected, self.thread, self.done = expected, None, threading.Event()

    def start(self, info=None) -> None:
        cell = getattr(info, "raw_cell", None) or ""
        seconds = next((value for text, value in self.expected.items() if text in cell), None)
        self.done.clear()
        # The copied context tells the kernel which cell the line belongs to.
        run = contextvars.copy_context().run
        self.thread = threading.Thread(target=run, args=(self._show, seconds), daemon=True)
        self.thread.start()

    def stop(self, result=None) -> None:
        self.done.set()
        if self.thread:
            self.thread.join()

    def _show(self, seconds: float | None) -> None:
        from IPython.display import display

        handle, started = None, time.monotonic()
        while not self.done.wait(PATIENCE if handle is None else EVERY):
            line = _bundle(said(time.monotonic() - started, seconds))
            if handle is None:
                handle = display(line, raw=True, display_id=True)
            else:
                handle.update(line, raw=True)
        if handle is not None:
            handle.update(_bundle(""), raw=True)


def said(passed: float, seconds: float | None) -> str:
    """What the line says after so many seconds, of about so many in all."""
    return f"Running: {passed:.0f} s" + (f" of about {seconds:.0f} s" if seconds else "")


def _bundle(text: str) -> dict[str, str]:
    return {"text/html": text and f"<p role='status'>{text}</p>", "text/plain": text}


def estimate(seconds: float) -> None:
    """Print how long training will take, in words that promise no more than a guess can."""
    print(f"Training takes {minutes.spoken(seconds)} here.")
