"""The plain code of lesson 01, run again: by lesson 02 where there is no model yet, and by the benchmarks.

``scripts/TRACK/LESSON.py`` holds the lesson cells of a page; ``make scripts`` writes them.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "scripts"
FIRST = "01_text_classification"


@dataclass(frozen=True)
class Cell:
    """A cell of a script: its code, and which of the tags ``recipe`` and ``values`` it has."""

    source: str
    tags: frozenset[str]


def cells(track: str, lesson: str = FIRST) -> list[Cell]:
    """The code cells of a lesson's script."""
    found = []
    for block in re.split(r"^# %%", (FOLDER / track / f"{lesson}.py").read_text(), flags=re.M)[1:]:
        marker, _, source = block.partition("\n")
        if "[markdown]" not in marker:
            tags = re.search(r"tags=(\[.*\])", marker)
            found.append(Cell(source, frozenset(json.loads(tags[1]) if tags else [])))
    return found


def values(track: str, lesson: str = FIRST) -> dict:
    """The guide's values, by name: what the ``values`` cells of a lesson say."""
    names: dict = {}
    for cell in cells(track, lesson):
        if "values" in cell.tags:
            exec(cell.source, names)
    return {name: value for name, value in names.items() if not name.startswith("__")}


def run(track: str, names: dict, after: dict, until: str | None = None) -> dict:
    """Run the recipe of lesson 01: its cells tagged ``recipe``, in ``names``, which is returned.

    ``after`` maps a name to a function: when a cell has made that name, the function is called with ``names`` and may
    change them. ``until`` is the text of the first cell that is not run.
    """
    pending = dict(after)
    for number, cell in enumerate(cell for cell in cells(track) if "recipe" in cell.tags):
        if until is not None and until in cell.source:
            break
        exec(compile(cell.source, f"<{FIRST}, recipe cell {number}>", "exec"), names)
        for name in [name for name in pending if name in names]:
            pending.pop(name)(names)
    return names
