"""Run the lessons from start to end and say what came of it: ``make run``, with ``PROFILE=`` and ``TRACK=``.

How long each part took is then in ``runs/minutes.json``; ``make minutes`` puts it where the lessons and the start page read it.

Nothing is shared, also where somebody is logged in to the Hub.
"""

import argparse
import datetime
import json
import logging
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from rich.console import Console
from rich.table import Table

import memory
from build import Variant, by_file, facts, forget_login, heading, pages, target, write
from helpers import environments, minutes
from helpers.results import FILE

COLUMNS = {
    "lesson": "lesson",
    "track": "track",
    "profile": "profile",
    "train_reviews": "training reviews",
    "accuracy": "accuracy",
    "baseline_accuracy": "baseline",
    "train_seconds": "s of training",
    "total_seconds": "s in all",
    "silent_seconds": "longest silence",
    "peak_memory_gb": "GB of memory",
    "sum_memory_gb": "GB with JupyterLab",
}


class Listener(PapermillNotebookClient):
    """A client that notes how long each cell goes without a sign: a printed line, a picture, a step of a progress bar."""

    silences: list[tuple[float, int]]  # the longest of each cell in seconds, and which cell
    started = staticmethod(lambda pid: None)  # called with the kernel's process id

    def start_new_kernel(self, **kwargs):
        super().start_new_kernel(**kwargs)
        self.started(self.km.provisioner.pid)

    def process_message(self, msg, cell, cell_index):
        now = time.monotonic()
        if msg["msg_type"] == "execute_input":
            self.silences.append((0.0, cell_index))
        elif self.silences:
            longest, started = self.silences[-1]
            self.silences[-1] = (max(longest, now - self.heard), started)
        self.heard = now
        return super().process_message(msg, cell, cell_index)


class ListeningEngine(NBClientEngine):
    """Papermill's own engine, with the client above."""

    silences: ClassVar[list[tuple[float, int]]] = []
    confine: ClassVar = None  # puts a process under the limit of memory
    server: ClassVar = None  # JupyterLab's process
    sampler: ClassVar = None

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
        with tempfile.TemporaryDirectory() as sockets:
            client = Listener(nb_man, kernel_name=kernel_name, timeout=None, config=by_file(sockets))
            client.silences = cls.silences = []
            client.started = cls.started
            client.execute()

    @classmethod
    def started(cls, pid: int) -> None:
        cls.confine(pid)
        cls.sampler = memory.Sampler(pid, cls.server.pid)


papermill_engines.register("listening", ListeningEngine)
# papermill looks for parameters in a lesson's first code cell, and warns of lines that are no Python.
logging.getLogger("papermill.translators").setLevel(logging.ERROR)


def run(track: str, parameters: dict, folder: Path, entries: list[dict], lessons=()) -> None:
    """Execute the lessons of ``track``, or those named in ``lessons``, in ``folder``; adds an entry for each one that came to its end to ``entries``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page in pages():
        if lessons and page.stem not in lessons:
            continue
        path = target(page, Variant(track))
        print(f"{track}: {page.stem}", flush=True)
        result = folder / "my_awesome_model" / FILE
        before = result.stat().st_mtime_ns if result.exists() else None
        start = time.perf_counter()
        papermill.execute_notebook(
            path, folder / path.name, parameters=parameters, cwd=folder, kernel_name=environments.kernel(track), engine_name="listening",
            progress_bar={"mininterval": 10} if not sys.stderr.isatty() else True,
        )  # fmt: skip
        total = time.perf_counter() - start
        silence, cell = max(ListeningEngine.silences)
        executed = nbformat.read(folder / path.name, as_version=4)
        entry = {"lesson": page.stem, "track": track, "profile": parameters["PROFILE"]}
        if result.exists() and result.stat().st_mtime_ns != before:
            entry |= json.loads(result.read_text())
        entries.append(
            entry
            | {
                "total_seconds": round(total, 1),
                "silent_seconds": round(silence, 1),
                "sum_memory_gb": ListeningEngine.sampler.stop(),
                "silent_cell": executed.cells[cell].id,
                "part_seconds": part_seconds(executed, facts(page)["parts"]),
            }
        )


def part_seconds(executed: nbformat.NotebookNode, parts) -> dict[str, float]:
    """How long the cells of each part took; ``parts`` are the headings that count."""
    seconds, part = dict.fromkeys(parts, 0.0), None
    for cell in executed.cells:
        if name := heading(cell):
            part = name
        elif part in seconds:
            seconds[part] += cell.metadata.get("papermill", {}).get("duration") or 0
    return {name: round(value, 1) for name, value in seconds.items()}


def keep_minutes(entries: list[dict], path: Path) -> None:
    """Write the times of the parts, and the machine they are from, to ``path``; other tracks and lessons there stay."""
    found = json.loads(path.read_text()) if path.exists() else {}
    machine = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "gflops": round(minutes.gflops()),
        "date": str(datetime.date.today()),
    }
    lessons = found.get("lessons", {})
    for entry in entries:
        lessons.setdefault(entry["lesson"], {})[entry["track"]] = entry["part_seconds"]
    write(path, json.dumps({"machine": machine, "lessons": lessons}, indent=1) + "\n")


def processor() -> str:
    """What the processor calls itself."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", info.read_text(), re.M) if info.exists() else []
    return re.sub(r"\((R|TM)\)| Processor|,", "", names[0]).strip() if names else platform.processor()


def show(entries: list[dict]) -> None:
    table = Table(title="Runs")
    for column in COLUMNS.values():
        table.add_column(column)
    for entry in entries:
        table.add_row(*(str(entry.get(key, "")) for key in COLUMNS))
    Console(width=None if sys.stdout.isatty() else 180).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default=os.environ.get("TUTORIAL_PROFILE") or "quick")
    parser.add_argument("--only", choices=[page.stem for page in pages()], help="this lesson alone")
    parser.add_argument("--min-accuracy", type=float, help="fail if a lesson ends below this")
    parser.add_argument("--limit-gb", type=float, help="run JupyterLab and the kernel in so many GB of memory, as root")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent.parent / "runs")
    parser.add_argument("--checkpoint", help="a folder, or an id of the Hub, for lessons 01 and 02")
    parser.add_argument("--keep-minutes", action="store_true", help="note the times for the lessons and the start page")
    arguments = parser.parse_args()
    forget_login()
    chosen = [arguments.only] if arguments.only else []
    if named := arguments.checkpoint:
        chosen = chosen or [page.stem for page in pages()[:2]]  # the others say more about their own checkpoint
        os.environ["TUTORIAL_CHECKPOINT"] = (
            str(Path(named).expanduser().absolute()) if Path(named).expanduser().exists() else named
        )
    os.environ["TUTORIAL_PROFILE"] = arguments.profile
    os.environ["TUTORIAL_OUTPUT"] = "my_awesome_model"  # inside the folder of the run
    entries, failed = [], False
    environments.find_kernels()
    with memory.limited(arguments.limit_gb) as confine, memory.server(confine) as server:
        ListeningEngine.confine, ListeningEngine.server = staticmethod(confine), server
        for track in environments.tracks():
            try:
                run(track, {"PROFILE": arguments.profile}, arguments.folder / track, entries, chosen)
            except papermill.PapermillExecutionError as error:
                failed = True
                print(f"{track}: cell {error.cell_index} failed: {error.ename}: {error.evalue}", file=sys.stderr)
            except DeadKernelError:
                failed = True
                print(f"{track}: the kernel died; is there enough memory?", file=sys.stderr)
        if server.poll() is not None:
            failed = True
            print("JupyterLab's server died, or did not start: the sums of memory are not whole.", file=sys.stderr)
    write(arguments.folder / "summary.json", json.dumps(entries, indent=1))
    keep_minutes(entries, minutes.FILE if arguments.keep_minutes and not failed else arguments.folder / "minutes.json")
    show(entries)
    for entry in entries:
        if arguments.min_accuracy is not None and entry.get("accuracy", 1) < arguments.min_accuracy:
            failed = True
            print(f"{entry['track']}: accuracy {entry['accuracy']} is below {arguments.min_accuracy}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
