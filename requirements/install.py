"""Make the environment of a track, ``.venv/TRACK``, from the pins beside this file: ``python install.py TRACK [--tests]``.

``make`` calls it where a pins file is newer than the environment. uv installs where it is found, pip where it is not. It
runs on the standard library alone. What was cut short is made anew; what was downloaded stays in the installer's cache.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
OLDEST, TOO_NEW = (3, 11), (3, 14)


def main():
    if not OLDEST <= sys.version_info < TOO_NEW:
        here = "{}.{}".format(*sys.version_info[:2])
        sys.exit(f"This kit needs Python 3.11, 3.12 or 3.13, and this is {here}; run: make PYTHON=python3.12 lab")
    from helpers import environments
    from helpers.packages import BARE_PACKAGES

    track, tests = sys.argv[1], "--tests" in sys.argv[2:]
    folder, python = environments.FOLDER / track, environments.python(track)
    log = environments.FOLDER / f"{track}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("")
    # Not the one that the tests' packages bring: it would be deleted with its environment.
    places = [
        place for place in os.environ["PATH"].split(os.pathsep) if not Path(place).is_relative_to(environments.FOLDER)
    ]
    uv = shutil.which("uv", path=os.pathsep.join(places))
    # Pip's settings, which a bundle without a network makes, are not uv's; and a shim may be for another Python.
    if uv and (
        "PIP_NO_INDEX" in os.environ or subprocess.run([uv, "--version"], capture_output=True, check=False).returncode
    ):
        uv = None
    base = sys._base_executable if Path(sys.prefix).is_relative_to(environments.FOLDER) else sys.executable
    ready = folder / (".tests" if tests else ".ready")
    pins = [ROOT / "requirements" / name for name in (["tests.txt"] if tests else ["shared.txt", f"{track}.txt"])]
    wanted = f"Python {sys.version_info[0]}.{sys.version_info[1]}\n" + "".join(path.read_text() for path in pins)
    if ready.exists() and ready.read_text() == wanted:  # a pins file was only copied, or checked out again
        ready.touch()
        return
    ready.unlink(missing_ok=True)
    kind = "tests'" if tests else "pinned"
    what = f"{environments.NAMES[track]}: the {kind} packages"
    print(f"{what} go into .venv/{track}, once, with {'uv' if uv else 'pip'}.", flush=True)
    start = time.monotonic()
    if not tests:
        shutil.rmtree(folder, ignore_errors=True)  # what an earlier call left unfinished, or made from other pins
        done(
            [uv, "venv", "--quiet", "--seed", "--python", base, folder] if uv else [base, "-m", "venv", folder],
            log,
        )
    install = (
        [uv, "pip", "install", "--compile-bytecode", "--python", python]
        if uv
        else [python, "-m", "pip", "install", "--progress-bar=off"]
    )
    done([*install, *(word for path in pins for word in ("-r", path))], log, sum(map(count, pins)))
    if not tests:
        # Their metadata asks for packages that the lessons do not need, PyTorch among them.
        done([*install, "--no-deps", *BARE_PACKAGES, "-e", ROOT], log)
        name = ["--name", environments.kernel(track), "--display-name", environments.NAMES[track]]
        done([python, "-m", "ipykernel", "install", "--prefix", folder, *name], log)
    ready.write_text(wanted)
    print(f"{what} are there, after {time.monotonic() - start:.0f} s.")


def count(pins):
    return sum(not line.startswith("#") for line in pins.read_text().splitlines())


def done(command, log, packages=0):
    """Run a command that says on the way how many of its ``packages`` it has; ends with one sentence if it fails."""
    command = [str(word) for word in command]
    if Path(command[0]).stem == "uv" and sys.stderr.isatty():  # uv draws its own bars
        failed, lines = subprocess.run(command, check=False).returncode, ["see above"]
    else:
        lines, found, said = [], 0, time.monotonic()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        with log.open("a", errors="replace") as file:
            for line in process.stdout:
                file.write(line)
                lines.append(line.strip())
                found += line.startswith(("Collecting ", "Processing ", "Requirement already satisfied"))
                last = line.startswith("Installing collected packages")
                if packages and (last or sys.stdout.isatty() or time.monotonic() - said > 10):
                    said = time.monotonic()
                    what = (
                        "unpacking them, a minute or two" if last else f"{min(found, packages)} of {packages} packages"
                    )
                    print(f"  {what}", end="   \r" if sys.stdout.isatty() else "\n", flush=True)
        failed = process.wait()
    if failed:
        errors = [line for line in lines if line.lower().startswith(("error", "× "))] or lines[-1:]
        sys.exit(
            f"The packages could not be installed ({' '.join(errors)[:300] or 'no reason given'}). Check the network and the "
            f"free disk space, then run the same command again; all that was printed is in {log.relative_to(ROOT)}."
        )


if __name__ == "__main__":
    main()
