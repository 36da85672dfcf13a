"""Write the newest versions that pyproject.toml allows to the pins beside this file: ``make lock``.

``shared.txt`` has what both tracks install in the same version, ``pytorch.txt`` and ``tensorflow.txt`` what only one of
them does, ``tests.txt`` what the tests need beside the lessons. The pins hold for Python 3.11 to 3.13 on Linux, macOS and Windows.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.environments import NAMES

HERE = Path(__file__).parent
HELD = "torch==2.13.0\n"  # its CPU build is at hand where the tests run; a newer one brings 3 GB of CUDA there
# torch names the versions of its CUDA packages itself, and its CPU build has none; a browser's Python is not supported.
LEFT_OUT = re.compile(r"(nvidia|cuda)-|triton==|.* == 'emscripten'")


def closure(folder: Path, *extras: str) -> dict[str, str]:
    """All that the project needs with ``extras``: package → line. Versions of an earlier call in ``folder`` are kept if they fit."""
    output = folder / "pins.txt"
    words = [word for extra in extras for word in ("--extra", extra)]
    options = [
        "--universal",
        "--fork-strategy=fewest",
        "--python-version=3.11",
        "--no-annotate",
        "--no-header",
        "--quiet",
    ]
    (folder / "held.txt").write_text(HELD)
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", HERE.parent / "pyproject.toml", *words, *options,
         "--constraint", folder / "held.txt", "--output-file", output],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    text = output.read_text().replace("+cpu", "").replace(" ; sys_platform != 'emscripten'\n", "\n")
    lines = text.replace("sys_platform != 'emscripten' and ", "").splitlines()
    return {re.split("[=;[ ]", line)[0]: line for line in lines if not LEFT_OUT.match(line)}


def main() -> None:
    lessons, everything = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for track in NAMES:  # the second keeps the first one's versions where it can
            everything[track] = closure(Path(folder), track, "lab", "many", "tests")
            lessons[track] = closure(Path(folder), track, "lab", "many")
    shared = {line for line in lessons["pytorch"].values() if line in lessons["tensorflow"].values()}
    tests = {line for track in NAMES for name, line in everything[track].items() if name not in lessons[track]}
    for track in NAMES:
        if late := [line for name, line in everything[track].items() if lessons[track].get(name, line) != line]:
            raise SystemExit(f"{track}: the tests would change {', '.join(late)}; give it a bound in pyproject.toml.")
        write(f"{track}.txt", {*lessons[track].values()} - shared)
    write("shared.txt", shared)
    write("tests.txt", tests - {line for track in NAMES for line in lessons[track].values()})


def write(name: str, lines: set[str]) -> None:
    (HERE / name).write_text("# Made by make lock.\n" + "\n".join(sorted(lines)) + "\n")
    print(f"requirements/{name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
