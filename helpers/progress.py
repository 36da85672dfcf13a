"""A sign of life for a step that has no progress bar of its own."""

import contextvars
import sys
import threading
import time
from contextlib import contextmanager

FIRST, EVERY = 1.0, 1.0  # seconds until the first sign, and between two


@contextmanager
def waiting(what: str, seconds: float | None = None):
    """While the block runs, say ``what`` it does, for how long already, and about how many ``seconds`` it takes in all.

    The line comes after a second and goes when the block is done. Outside a notebook nothing is shown.
    """
    if "IPython" not in sys.modules:
        yield
        return
    from IPython import get_ipython
    from IPython.display import display

    done = threading.Event()
    start = time.monotonic()

    def bundle(text):
        return {"text/html": text and f"<p role='status'>{text}</p>", "text/plain": text}

    def show():
        handle = None
        while not done.wait(FIRST if handle is None else EVERY):
            estimate = f" of about {seconds:.0f} s" if seconds else ""
            line = bundle(f"{what}: {time.monotonic() - start:.0f} s{estimate}")
            if handle is None:
                handle = display(line, raw=True, display_id=True)
            else:
                handle.update(line, raw=True)
        if handle is not None:
            handle.update(bundle(""), raw=True)

    # The copied context tells the kernel which cell the line belongs to.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(show,), daemon=True)
    if get_ipython() is not None:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.ident is not None:
            thread.join()
