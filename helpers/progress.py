"""A sign of life for a step that has no progress bar of its own, and below each cell that takes long."""

import contextvars
import sys
import threading
import time
from contextlib import contextmanager

FIRST, EVERY = 1.0, 1.0  # seconds until the first sign, and between two
PATIENCE = 2.0  # seconds that a cell may run before the line below it comes


def watch(expected: dict[str, float]) -> None:
    """From now on show, below each cell that takes long, for how long it runs already; outside a notebook do nothing.

    ``expected`` maps a text in a cell to the seconds that this cell takes in all, about.
    """
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    for event in ("pre_run_cell", "post_run_cell"):
        for callback in [
            one for one in shell.events.callbacks[event] if getattr(one, "__self__", None).__class__ is Watch
        ]:
            shell.events.unregister(event, callback)
    watching = Watch(expected)
    shell.events.register("pre_run_cell", watching.start)
    shell.events.register("post_run_cell", watching.stop)


class Watch:
    """A line below the cell that runs; see ``watch``."""

    def __init__(self, expected: dict[str, float]):
        self.expected, self.line = expected, None

    def start(self, info) -> None:
        seconds = next((value for text, value in self.expected.items() if text in (info.raw_cell or "")), None)
        self.line = Line("Running", seconds, PATIENCE)

    def stop(self, result=None) -> None:
        if self.line:
            self.line.stop()
            self.line = None


class Line:
    """A line that says ``what`` goes on, for how long already, and of about how many ``seconds``; gone when it is stopped."""

    def __init__(self, what: str, seconds: float | None, patience: float):
        self.what, self.seconds, self.patience = what, seconds, patience
        self.done, self.started = threading.Event(), time.monotonic()
        # The copied context tells the kernel which cell the line belongs to.
        run = contextvars.copy_context().run
        self.thread = threading.Thread(target=run, args=(self._show,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.done.set()
        self.thread.join()

    def _show(self) -> None:
        from IPython.display import display

        def bundle(text):
            return {"text/html": text and f"<p role='status'>{text}</p>", "text/plain": text}

        handle = None
        while not self.done.wait(self.patience if handle is None else EVERY):
            estimate = f" of about {self.seconds:.0f} s" if self.seconds else ""
            line = bundle(f"{self.what}: {time.monotonic() - self.started:.0f} s{estimate}")
            if handle is None:
                handle = display(line, raw=True, display_id=True)
            else:
                handle.update(line, raw=True)
        if handle is not None:
            handle.update(bundle(""), raw=True)


@contextmanager
def waiting(what: str, seconds: float | None = None):
    """While the block runs, say ``what`` it does, for how long already, and about how many ``seconds`` it takes in all.

    The line comes after a second and goes when the block is done. Outside a notebook nothing is shown.
    """
    shell = None
    if "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
    line = Line(what, seconds, FIRST) if shell is not None else None
    try:
        yield
    finally:
        if line:
            line.stop()
