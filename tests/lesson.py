"""A lesson in a live kernel, for the tests that disturb it: 20 steps of training in two epochs, cell by cell."""

import os
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import build
from helpers import environments, packages

TOTAL_STEPS = 20

SHRINK = "train_size, validation_size, test_size, num_epochs = 160, 16, 32, 2"

# Each step leaves its number in a file. DIE_AFTER seconds after step DIE_AT, or the first one behind it if the run goes on
# from there, the process kills itself, or interrupts itself as the Stop button does.
PROBE = """
import os, signal, threading
from pathlib import Path

armed = True

def probe(step):
    global armed
    with Path(os.environ["PROBE"]).open("a") as file:
        print(step, file=file)
    if armed and 0 < int(os.environ.get("DIE_AT", 0)) <= step:
        armed = False
        how = getattr(signal, os.environ.get("DIE_OF", "SIGKILL"))
        threading.Timer(float(os.environ["DIE_AFTER"]), os.kill, (os.getpid(), how)).start()
"""
PROBES = {
    "pytorch": PROBE
    + """
from transformers import TrainerCallback

class Probe(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        probe(state.global_step)

trainer.add_callback(Probe)
""",
    "tensorflow": PROBE
    + """
if callbacks[-1].__class__.__name__ == "LambdaCallback":  # of an earlier run of these cells
    callbacks.pop()
callbacks.append(keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_: probe(int(model.optimizer.iterations))))
""",
}

TRAIN = {"pytorch": "trainer.train()", "tensorflow": "history = model.fit("}
SAVE = {"pytorch": "trainer.save_model(", "tensorflow": "model.save_pretrained("}


def environment(folder: Path, **more) -> dict[str, str]:
    """What a lesson's process sees: a home of its own under ``folder``, the smoke profile, no login."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "GIT_", "TUTORIAL_"))}
    return kept | {
        "HOME": str(home),
        "HF_HOME": str(folder / "hf"),
        "TUTORIAL_CACHE": str(packages.cache_folder()),
        "TUTORIAL_PROFILE": "smoke",
        "TUTORIAL_ASSETS": "embedded",
        "TUTORIAL_DEVICE": "cpu",
        "TUTORIAL_OUTPUT": str(folder / "my_awesome_model"),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "PROBE": str(folder / "steps"),
        # Tests run side by side: two frameworks that take all cores each are three times slower than one after the other.
        **{name: "1" for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")},
        **more,
    }


class Lesson:
    """The cells of a lesson and the kernel that runs them."""

    def __init__(self, client: NotebookClient, cells: list):
        self.client, self.cells, self.position = client, cells, 0

    def run(self, source: str, allow_errors: bool = False) -> str:
        """Run one cell; returns what it printed, and the traceback of its error if there may be one."""
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"] if allow_errors else []})
        self.client.nb.cells.append(cell)
        self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        return shown(cell)

    def run_until(self, text: str, allow_errors: bool = False, after: str = "") -> str:
        """Run the lesson up to the cell that holds ``text``; returns what that one showed.

        It starts at the top, or behind the cell that holds ``after``.
        """
        start = self.cells.index(self.cell(after)) + 1 if after else 0
        for source in self.cells[start:]:
            last = text in source
            said = self.run(source, allow_errors and last)
            if last:
                return said
        raise LookupError(text)

    def advance_to(self, text: str) -> None:
        """Run what has not been run yet, up to the cell before the one that holds ``text``."""
        while text not in self.cells[self.position]:
            self.run(self.cells[self.position])
            self.position += 1

    def cell(self, text: str) -> str:
        return next(source for source in self.cells if text in source)


def shown(cell) -> str:
    parts = []
    for output in cell.outputs:
        parts.append(output.get("text", "") if output.get("name") != "stderr" else "")
        parts.append("\n".join(output.get("traceback", [])))
    return "".join(parts)


@contextmanager
def lesson(track: str, folder: Path, **more):
    """A lesson of ``track`` in a fresh kernel, with ``more`` in its environment. The baseline is left out."""
    notebook = build.build(build.pages()[0], build.Variant(track))
    cells = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or "baseline_accuracy" in cell.source or "compare(scores" in cell.source:
            continue
        if cell.source.startswith(TRAIN[track]):
            cells.append(PROBES[track])
        cells.append(cell.source)
        if "recipe.fit(" in cell.source:
            cells.append(SHRINK)
    client = NotebookClient(
        nbformat.v4.new_notebook(),
        timeout=300,
        kernel_name=environments.kernel(track),
        resources={"metadata": {"path": str(folder)}},
    )
    with client.setup_kernel(env=environment(folder, **more), cwd=str(folder)):
        yield Lesson(client, cells)
