"""Make what installs the kit in a room without a network, ``runs/bundle/*.zip``: ``make bundle``.

``TRACK=`` names one track, ``PYTHON_VERSION=3.11`` the Python of the laptops, ``PLATFORM=linux|macos|windows`` their system. A wheel that is
already there is not downloaded again, so a call that was cut short goes on. The solutions and the teacher's guide are in a zip of
their own.
"""

import argparse
import concurrent.futures
import email
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "notebooks")]
FOLDER = ROOT / "runs" / "bundle"
NAME = "text-classification-tutorial"
SYSTEMS = {
    "linux": ("linux", "Linux", "posix", "x86_64", ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_24_x86_64",
              "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_12_x86_64", "manylinux2010_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64", "linux_x86_64"]),
    "macos": ("darwin", "Darwin", "posix", "arm64", [f"macosx_{version}_{kind}" for version in ("14_0", "13_0", "12_0", "11_0", "10_15", "10_13", "10_12", "10_9")
              for kind in ("arm64", "universal2")]),
    "windows": ("win32", "Windows", "nt", "AMD64", ["win_amd64"]),
}  # fmt: skip
HERE = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
# What an editable installation of the kit is built with.
BUILD = ["setuptools==80.9.0"]
README = """{title}

This folder installs the lessons without a network. You need Python {python} and {room} GB of free disk.

    Linux, macOS:  sh install.sh      then   sh start.sh
    Windows:       powershell -ExecutionPolicy Bypass -File install.ps1      then   start.ps1 in the same way

The first takes some minutes and says on the way how far it is. The second opens JupyterLab on the start page; Ctrl+C in its
window stops it. If the installation was cut short, run it again. If something does not work:

    cd kit, then   .venv/{track}/bin/python -m helpers doctor      (Windows: .venv\\{track}\\Scripts\\python)

says what is missing. Everything stays in this folder; to remove it, delete the folder.
"""
INSTALL = '''"""Install from this folder alone: ``python install.py``."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRACKS, PYTHON = {tracks!r}, {python!r}


def main():
    if "%d.%d" % sys.version_info[:2] != PYTHON:
        sys.exit("This folder needs Python " + PYTHON + ", and this is %d.%d; install that one first." % sys.version_info[:2])
    lines = (HERE / "SHA256SUMS").read_text().splitlines()
    for number, line in enumerate(lines, 1):
        known, name = line.split("  ", 1)
        path = HERE / name
        if not path.is_file():
            sys.exit(name + " is missing; copy the folder again.")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != known:
                sys.exit(name + " is damaged; copy the folder again.")
        if number % 20 == 0 or number == len(lines):
            print("checked", number, "of", len(lines), "files", flush=True)
    wheels = (HERE / "wheels").as_uri()
    env = dict(os.environ, PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels, PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        env.pop(name, None)
    for track in TRACKS:
        done = subprocess.run([sys.executable, str(HERE / "kit" / "requirements" / "install.py"), track], env=env)
        if done.returncode:
            sys.exit(done.returncode)
    print("Installed. Now open the lessons with start.sh, or start.ps1 on Windows.")


main()
'''
INSTALL_SH = """#!/bin/sh
# Installs the lessons from this folder, without a network.
cd "$(dirname "$0")" || exit 1
for python in python{python} python3 python; do
  if command -v "$python" > /dev/null && "$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "{python}")'; then
    exec "$python" install.py
  fi
done
echo "Python {python} was not found; install it first." >&2
exit 1
"""
START_SH = """#!/bin/sh
# Opens the lessons in JupyterLab.
cd "$(dirname "$0")/kit" || exit 1
exec .venv/{track}/bin/python notebooks/lab.py "$@"
"""
INSTALL_PS1 = """# Installs the lessons from this folder, without a network.
Set-Location $PSScriptRoot
py -{python} install.py
if ($LASTEXITCODE -ne 0) {{ Write-Host "The installation did not end. Is Python {python} installed?"; exit 1 }}
"""
START_PS1 = """# Opens the lessons in JupyterLab.
Set-Location (Join-Path $PSScriptRoot "kit")
& .venv\\{track}\\Scripts\\python.exe notebooks\\lab.py @args
"""


def environment(system: str, python: str) -> dict[str, str]:
    """What a marker such as ``sys_platform == 'win32'`` is evaluated with."""
    platform, name, os_name, machine, _ = SYSTEMS[system]
    return {
        "sys_platform": platform, "platform_system": name, "os_name": os_name, "platform_machine": machine, "extra": "",
        "python_version": python, "python_full_version": f"{python}.0", "implementation_name": "cpython",
        "platform_python_implementation": "CPython", "implementation_version": f"{python}.0",
    }  # fmt: skip


def pinned(tracks: list[str], system: str, python: str) -> list[str]:
    """``name==version`` of all that the tracks need on that system."""
    from helpers.packages import BARE_PACKAGES

    found = dict.fromkeys([*BARE_PACKAGES, *BUILD])
    for name in ("shared", *tracks):
        for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate(environment(system, python)):
                    found[f"{needed.name}{needed.specifier}"] = None
    return list(found)


def download(requirement: str, system: str, python: str, folder: Path) -> str | None:
    """Get the wheel of one package into ``folder``; returns why that cannot be, in one line, or nothing."""
    name, _, version = requirement.partition("==")
    for path in folder.glob("*.whl"):
        package, release, *_ = parse_wheel_filename(path.name)
        if package == canonicalize_name(name) and (not version or release.public == version):
            return None
    tags = ["cp" + python.replace(".", ""), "abi3", "none"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version",
        python,
        "--implementation",
        "cp",
    ]
    command += [word for tag in tags for word in ("--abi", tag)] + [
        word for one in SYSTEMS[system][4] for word in ("--platform", one)
    ]
    done = subprocess.run([*command, "--dest", folder, requirement], capture_output=True, text=True, check=False)
    if not done.returncode:
        return None
    return (
        f"{requirement} has no wheel for {system} with Python {python}"
        if "No matching distribution" in done.stderr
        else _last(done.stderr)
    )


def _last(text: str) -> str:
    return ([line for line in text.strip().splitlines() if line.startswith("ERROR")] or [text.strip() or "pip failed"])[
        -1
    ][:200]


def needed_beside(folder: Path, system: str, python: str) -> list[str]:
    """What the wheels ask for and do not have beside them: CUDA's packages where PyTorch is no CPU build."""
    from helpers.packages import BARE_PACKAGES

    bare = {canonicalize_name(one.partition("==")[0]) for one in BARE_PACKAGES}
    there = {parse_wheel_filename(path.name)[0] for path in folder.glob("*.whl")}
    lacking = {}
    for path in folder.glob("*.whl"):
        if parse_wheel_filename(path.name)[0] in bare:
            continue
        with zipfile.ZipFile(path) as wheel:
            name = next(name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            about = email.message_from_bytes(wheel.read(name))
        for line in about.get_all("Requires-Dist", []):
            one = Requirement(line)
            if (one.marker is None or one.marker.evaluate(environment(system, python))) and canonicalize_name(
                one.name
            ) not in there:
                lacking[f"{one.name}{one.specifier}"] = None
    return list(lacking)


def fetch(tracks: list[str], system: str, python: str, folder: Path) -> None:
    """All wheels, eight at a time, with a bar; ends with one sentence for what cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    for cut_short in [*folder.glob("*.tmp"), *(path for path in folder.glob("*.whl") if not zipfile.is_zipfile(path))]:
        cut_short.unlink()
    todo, problems = pinned(tracks, system, python), []
    while todo:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda one: download(one, system, python, folder), todo)
            problems += filter(
                None, tqdm(answers, total=len(todo), desc=f"{', '.join(tracks)} for {system}", unit="wheel")
            )
        todo = [] if problems else needed_beside(folder, system, python)
    if problems:
        sys.exit(
            "No bundle was written: "
            + "; ".join(sorted(problems)[:5])
            + ". What was downloaded stays for the next call."
        )


def kit_files() -> list[Path]:
    """The kit as learners get it: both editions of the lessons without solutions, and what runs them; no source pages."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    kept = re.compile(
        r"helpers/|requirements/|notebooks/[a-z]+\.py|notebooks/labconfig/|notebooks/(pytorch|tensorflow)/(exercises/)?[^/]+\.ipynb|pyproject.toml|README.md|LICENSE"
    )
    return [ROOT / name for name in listed if kept.match(name)]


def write_zip(path: Path, files: dict[str, Path | str]) -> None:
    """Write files, by their name in the zip, with the sums of all of them; whole or not at all."""
    temporary, sums = path.with_suffix(".tmp"), []
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as made:
        for name, source in tqdm(files.items(), desc=path.name, unit="file"):
            content = source.encode() if isinstance(source, str) else source.read_bytes()
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            made.writestr(entry, content)
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {name.partition('/')[2]}\n")
        made.writestr(f"{NAME}/SHA256SUMS", "".join(sums))
    temporary.replace(path)


def main() -> None:
    import build
    import lab
    from helpers.environments import NAMES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--track", action="append", choices=NAMES)
    parser.add_argument("--python", default="{}.{}".format(*sys.version_info[:2]), choices=["3.11", "3.12", "3.13"])
    parser.add_argument("--platform", default=HERE, choices=SYSTEMS)
    arguments = parser.parse_args()
    tracks, system, python = arguments.track or list(NAMES), arguments.platform, arguments.python
    wheels = FOLDER / f"wheels-{system}-{python}"
    for track in tracks:
        fetch([track], system, python, wheels / track)
        size = sum(path.stat().st_size for path in (wheels / track).glob("*.whl")) / 1e9
        print(f"{track}: {len(list((wheels / track).glob('*.whl')))} wheels, {size:.2f} GB")
    start = lab.page(1, tracks)
    start.metadata["kernelspec"]["display_name"] = NAMES[tracks[0]]
    words = {
        "python": python,
        "track": tracks[0],
        "tracks": tracks,
        "title": "Text classification with Hugging Face",
        "room": 4 * len(tracks),
    }
    files: dict[str, Path | str] = {
        "README.txt": README.format(**words), "install.py": INSTALL.replace("{tracks!r}", repr(tracks)).replace("{python!r}", repr(python)),
        "install.sh": INSTALL_SH.replace("{python}", python), "start.sh": START_SH.format(**words),
        "install.ps1": INSTALL_PS1.format(**words), "start.ps1": START_PS1.format(**words),
        "kit/notebooks/index.ipynb": build.nbformat.writes(start),
    }  # fmt: skip
    files |= {f"kit/{path.relative_to(ROOT).as_posix()}": path for path in kit_files()}
    files |= {f"wheels/{path.name}": path for track in tracks for path in sorted((wheels / track).glob("*.whl"))}
    name = f"{NAME}-{'-'.join(tracks)}-{system}-python{python}.zip"
    write_zip(FOLDER / name, {f"{NAME}/{inner}": source for inner, source in files.items()})
    teacher = [
        *(ROOT / "docs").rglob("*"),
        *(build.target(page, build.Variant(track, "solutions")) for page in build.pages() for track in tracks),
    ]
    write_zip(
        FOLDER / f"{NAME}-teacher.zip",
        {f"{NAME}-teacher/{path.relative_to(ROOT).as_posix()}": path for path in teacher if path.is_file()},
    )
    for made in (FOLDER / name, FOLDER / f"{NAME}-teacher.zip"):
        print(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
