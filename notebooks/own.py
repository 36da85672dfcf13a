"""Run lesson 04 on a file of yours: ``make own DATA=messages.csv``, with ``TEXT=``, ``LABEL=``, ``GROUP=``, ``WATCH=``, ``PROFILE=`` and ``TRACK=``.

What it makes is in ``runs/own``: the executed notebook, the model with its card and its page, and a summary of one page. A call
that was stopped is made again, and training goes on from its last training state.
"""

import argparse
import logging
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from build import Variant, build, by_file, forget_login, heading, pages, write
from helpers import environments, own_file, pictures
from helpers.errors import TutorialError

PAGE = next(page for page in pages() if page.stem == "04_own_texts")
FOLDER = Path(__file__).parent.parent / "runs" / "own"
NOTEBOOK, MODEL, SUMMARY = "own_texts.ipynb", "my_own_model", "summary.html"
GIVEN = ("text", "label", "group", "watch")  # columns, and the label that matters most
TOLD = ("left\n", "Training takes", "threshold ")  # what of the output is said in the terminal, too


class Client(NotebookClient):
    """A client that says which part runs, and for how long."""

    part, since, said = "", 0.0, 0.0

    def process_message(self, msg, cell, cell_index):
        now = time.monotonic()
        if now - self.said > (1 if sys.stdout.isatty() else 15):
            self.said = now
            print(f"  {self.part}: {now - self.since:.0f} s", end="   \r" if sys.stdout.isatty() else "\n", flush=True)
        return super().process_message(msg, cell, cell_index)

    async def _async_cleanup_kernel(self):
        if self.km is not None:  # at Ctrl+C nbclient has done it, and would fail to do it again
            await super()._async_cleanup_kernel()

    def starts(self, cell, cell_index):
        if part := heading(cell):
            self.part, self.since = part, time.monotonic()
            print(f"{part}              ", flush=True)

    def ends(self, cell, cell_index, execute_reply):
        for output in cell.get("outputs", []):
            text = output.get("text", "")
            if output.get("name") == "stdout" and any(words in text for words in TOLD):
                print(f"  {text.strip()}", flush=True)


def notebook(track: str) -> nbformat.NotebookNode:
    """Lesson 04 without what holds for its own messages alone."""
    found = build(PAGE, Variant(track))
    found.cells = [cell for cell in found.cells if "example" not in cell.metadata.get("tags", [])]
    return found


def run(track: str, parameters: dict, folder: Path = FOLDER) -> None:
    """Execute the lesson on ``parameters["DATA"]`` in ``folder``; raises what a cell raised."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / NOTEBOOK, nbformat.writes(notebook(track)))
    executed = parameterize_notebook(load_notebook_node(str(folder / NOTEBOOK)), parameters)
    with tempfile.TemporaryDirectory() as sockets:
        client = Client(executed, timeout=None, resources={"metadata": {"path": str(folder)}}, config=by_file(sockets))
        client.kernel_name = environments.kernel(track)
        client.on_cell_start, client.on_cell_executed = client.starts, client.ends
        try:
            client.execute()
        finally:
            write(folder / NOTEBOOK, nbformat.writes(executed) + "\n")
    write(folder / SUMMARY, summary((folder / MODEL / "README.md").read_text(encoding="utf-8"), executed))


def summary(card: str, executed: nbformat.NotebookNode) -> str:
    """A page with what the card says, and the curve of the notebook."""
    # Not nbconvert's own filter: of what the card wrote as &#60; it would make a < again, and so live HTML.
    body = MarkdownIt("commonmark", {"html": True}).render(re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.S))
    curve = [
        output for cell in executed.cells if "precision_recall(" in cell.source for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]  # fmt: skip
    picture = (
        pictures.as_html(curve[0].data["image/png"].replace("\n", ""), **curve[0].metadata["image/png"])
        if curve
        else ""
    )
    style = "body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}td,th{padding:.2em .6em;text-align:left}"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>Your own texts</title><style>{style}</style><body>{body}{picture}</body></html>\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    for name in GIVEN:
        parser.add_argument(f"--{name}")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--profile", default=os.environ.get("TUTORIAL_PROFILE") or "quick")
    arguments = parser.parse_args()
    forget_login()
    environments.find_kernels()
    os.environ.pop("TUTORIAL_OUTPUT", None)
    # What nbclient leaves behind at Ctrl+C is no news to a learner.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    os.environ["TUTORIAL_PROFILE"] = arguments.profile
    track, folder = environments.tracks()[0], arguments.folder
    data = arguments.data.expanduser().absolute()
    given = {name.upper(): getattr(arguments, name) for name in GIVEN if getattr(arguments, name)}
    try:
        # The same look as in the notebook, before anything is started.
        names = {"data_file": data, **own_file.COLUMNS} | {
            f"{name.lower()}_column": value for name, value in given.items() if name != "WATCH"
        }
        own_file.look(names)
        print(f"{data.name}: texts in {names['text_column']!r}, labels in {names['label_column']!r}.")
        run(track, {"DATA": str(data), "PROFILE": arguments.profile} | given, folder)
    except TutorialError as error:
        sys.exit(str(error))
    except CellExecutionError as error:
        sys.exit(
            f"{error.evalue}"
            if error.ename == "TutorialError"
            else f"{error.ename}: {error.evalue}\nIt is in {folder / NOTEBOOK}."
        )
    except (DeadKernelError, KeyboardInterrupt):  # nbclient ends the kernel at Ctrl+C
        sys.exit(
            "The kernel was stopped, or it died (is there enough memory?). The same command goes on from the last training state."
        )
    here = Path(os.path.relpath(folder))
    print(f"Done: {here / SUMMARY}, the model and its card in {here / MODEL}, all cells in {here / NOTEBOOK}.")
    voila = Path(os.path.relpath(Path(sys.executable).with_name("voila")))
    print(f"A page for others: {voila} --Voila.auto_token=True {here / MODEL / 'page.ipynb'}")


if __name__ == "__main__":
    main()
