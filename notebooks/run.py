"""Run the lessons from start to end and say what came of it: ``make run``, with ``PROFILE=`` and ``TRACK=``.

Nothing is shared, also where somebody is logged in to the Hub.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

import papermill
from nbclient.exceptions import DeadKernelError
from rich.console import Console
from rich.table import Table

from build import TRACKS, forget_login, pages, target
from helpers.results import FILE

COLUMNS = {
    "track": "track",
    "profile": "profile",
    "assets": "assets",
    "device": "device",
    "train_reviews": "training reviews",
    "accuracy": "accuracy",
    "baseline_accuracy": "baseline",
    "train_seconds": "s of training",
    "total_seconds": "s in all",
    "peak_memory_gb": "GB of memory",
}


def run(track: str, parameters: dict, folder: Path) -> list[dict]:
    """Execute the lessons of ``track`` in ``folder``; returns an entry for each that leaves results."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries = []
    for page in pages():
        path = target(page, track)
        print(f"{track}: {page.stem}", flush=True)
        result = folder / "my_awesome_model" / FILE
        result.unlink(missing_ok=True)
        start = time.perf_counter()
        papermill.execute_notebook(
            path, folder / path.name, parameters=parameters, cwd=folder, kernel_name="python3",
            progress_bar={"mininterval": 10} if not sys.stderr.isatty() else True,
        )  # fmt: skip
        total = time.perf_counter() - start
        if result.exists():
            entries.append(json.loads(result.read_text()) | {"total_seconds": round(total, 1)})
    return entries


def show(entries: list[dict]) -> None:
    table = Table(title="Runs")
    for heading in COLUMNS.values():
        table.add_column(heading)
    for entry in entries:
        table.add_row(*(str(entry[key]) for key in COLUMNS))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default=os.environ.get("TUTORIAL_PROFILE") or "quick")
    parser.add_argument("--track", choices=TRACKS)
    parser.add_argument("--min-accuracy", type=float, help="fail if a lesson ends below this")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent.parent / "runs")
    arguments = parser.parse_args()
    forget_login()
    os.environ["TUTORIAL_PROFILE"] = arguments.profile
    os.environ["TUTORIAL_OUTPUT"] = "my_awesome_model"  # inside the folder of the run
    entries, failed = [], False
    for track in [arguments.track] if arguments.track else TRACKS:
        try:
            entries += run(track, {"PROFILE": arguments.profile}, arguments.folder / track)
        except papermill.PapermillExecutionError as error:
            failed = True
            print(f"{track}: cell {error.cell_index} failed: {error.ename}: {error.evalue}", file=sys.stderr)
        except DeadKernelError:
            failed = True
            print(f"{track}: the kernel died; is there enough memory?", file=sys.stderr)
    temporary = arguments.folder / "summary.tmp"
    temporary.write_text(json.dumps(entries, indent=1))
    temporary.replace(arguments.folder / "summary.json")
    show(entries)
    for entry in entries:
        if arguments.min_accuracy is not None and entry["accuracy"] < arguments.min_accuracy:
            failed = True
            print(f"{entry['track']}: accuracy {entry['accuracy']} is below {arguments.min_accuracy}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
