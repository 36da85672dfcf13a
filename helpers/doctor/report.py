"""A line for each finding, the short code that holds them all, and the table of a class.

The lines follow from the facts that ``look`` found, and the code holds these facts; so a decoded report is the report.
"""

import base64
import json
import re
import sys
import zlib
from pathlib import Path

from helpers import minutes
from helpers.environments import NAMES
from helpers.errors import TutorialError

# What a run needs: measured by benchmarks (README.md, Speed) and beside JupyterLab's server; on disk three checkpoints.
MEMORY_GB = {"pytorch": 1.5, "tensorflow": 2.0}
DISK_GB = 0.6
INSTALL_GB = {"pytorch": 2.3, "tensorflow": 3.4}
OK, NOTE, STOP = "ok", "note", "STOP"

MARK = "TC1-"
MOST_BYTES = 20_000  # of a code once it is unpacked
GENERAL = ("python", "system", "processor", "cores", "bf16", "memory", "free", "disk", "browser", "hub", "wanted")
TRACK = ("python", "kernel", "widgets", "gpu", "speed", "missing", "others", "unfit", "data", "framework", "model")
# What codes have in common, so that they need not carry it.
COMMON = (
    b'["3.11.7","3.12.","3.13.","Windows AMD64","Darwin arm64","Linux x86_64","Apple M Intel(R) Core(TM) i7- CPU @ 0GHz",'
    b'"AMD Ryzen 7 with Radeon Graphics","Intel(R) Xeon(R) Processor",8,0,16.0,1,"URLError",[],[["3.11.7","","","",'
    b'100,[],[],"","","",""],["is not installed"]]]'
)


def lines(facts: dict) -> list[tuple[str, str, str]]:
    """``(status, topic, sentence)`` for each finding; the status is ``ok``, ``note`` (to know) or ``STOP`` (no lesson would run)."""
    total, free = facts["memory"], facts["free"]
    found = [
        (OK, "Python", f"{facts['python']} on {facts['system']}"),
        (OK, "processor", f"{facts['processor']}, {facts['cores']} cores, {'with' if facts['bf16'] else 'without'} fast bf16"),
        (OK if facts["browser"] else NOTE, "browser", "found" if facts["browser"] else "none found; open the address that make lab prints"),
        (NOTE, "Hub", f"out of reach ({facts['hub']}): the lessons use the embedded data and model")
        if facts["hub"] else (OK, "Hub", "reachable"),
    ]  # fmt: skip
    one_runs = any("problem" not in track for track in facts["tracks"].values())
    for name, track in facts["tracks"].items():
        found += _track_lines(name, track, optional=one_runs and name not in facts["wanted"])
    ready = [name for name, track in facts["tracks"].items() if "problem" not in track]
    needed = min((MEMORY_GB[name] for name in ready or MEMORY_GB), default=0)
    if not total:
        found.append((NOTE, "memory", f"cannot be told; a lesson needs {needed} GB"))
    elif (free or total) < needed:
        found.append(
            (
                STOP,
                "memory",
                f"{free or total} GB are free of {total}, and a lesson needs {needed}; close other programs",
            )
        )
    else:
        found.append((OK, "memory", f"{free or total} GB free of {total}"))
    room = DISK_GB if ready else INSTALL_GB["pytorch"]
    words = f"{facts['disk']} GB free"
    found.append(
        (OK, "disk", words)
        if facts["disk"] >= room
        else (STOP, "disk", f"{words}, and {room} GB are needed; free some")
    )
    return found


def _track_lines(name: str, track: dict, optional: bool) -> list[tuple[str, str, str]]:
    title, again = NAMES[name], f"run: make install TRACK={name}"
    if "problem" in track:
        return [
            (
                NOTE if optional else STOP,
                title,
                f"{track['problem']}; {again}" + (", if you want it" if optional else ""),
            )
        ]
    found = []
    if track["missing"]:
        found.append((STOP, f"{title} packages", f"missing: {', '.join(track['missing'])}; {again}"))
    elif track["unfit"]:
        found.append((STOP, f"{title} packages", track["unfit"]))
    elif track["others"]:
        found.append(
            (
                NOTE,
                f"{title} packages",
                f"not the pinned releases, but within what is tested: {', '.join(track['others'])}",
            )
        )
    else:
        found.append((OK, f"{title} packages", f"as pinned, on Python {track['python']}"))
    for topic, key, fine in (("kernel", "kernel", "found"), ("widgets", "widgets", "found"), ("data", "data", "whole")):
        problem = track[key]
        status = OK if not problem else NOTE if key == "widgets" else STOP
        found.append((status, f"{title} {topic}", f"{problem}; {again}" if problem else fine))
    problem = track["framework"] or track["model"]
    if problem:
        found.append((STOP, f"{title} model", f"{problem}; {again}"))
    elif not track["data"]:
        found.append((OK, f"{title} model", f"answers, on {track['gpu'] or 'the CPU: there is no GPU'}"))
    found.append((OK, f"{title} time", _times(name, track["speed"])))
    return found


def _times(track: str, speed: float) -> str:
    """How long the lessons take here; the clock was taken on another machine, and this one's matrix rate is ``speed`` GFLOP/s."""
    measured = minutes.read()
    if not speed or not measured:
        return "not known"
    factor = measured["machine"]["gflops"] / speed
    times = [
        f"{lesson[:2]} {minutes.spoken(seconds * factor).removeprefix('about ')}"
        for lesson in measured["lessons"] if (seconds := minutes.seconds(lesson, track))
    ]  # fmt: skip
    return f"about, without reading: {', '.join(times)}"


def is_ready(facts: dict) -> bool:
    """Whether nothing would stop a lesson."""
    return all(status != STOP for status, _, _ in lines(facts))


def encode(facts: dict) -> str:
    """A code of letters and digits that holds the facts; ``decode`` turns it back."""
    tracks = {
        name: [track["problem"]] if "problem" in track else [track[key] for key in TRACK]
        for name, track in facts["tracks"].items()
    }
    values = [facts[key] for key in GENERAL] + [list(NAMES).index(name) for name in tracks] + list(tracks.values())
    packer = zlib.compressobj(9, zdict=COMMON)
    packed = packer.compress(json.dumps(values, separators=(",", ":")).encode()) + packer.flush()
    return MARK + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(code: str) -> dict:
    """The facts that a code holds. Raises ``TutorialError`` for a code that is not whole."""
    text = re.sub(r"\s", "", code)
    try:
        if not text.startswith(MARK):
            raise ValueError(code)
        text = text[len(MARK) :]
        unpacker = zlib.decompressobj(zdict=COMMON)
        values = json.loads(unpacker.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), MOST_BYTES))
        if not unpacker.eof:
            raise ValueError(code)
        facts = dict(zip(GENERAL, values, strict=False))
        rest = values[len(GENERAL) :]
        numbers, tracks = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        facts["tracks"] = {
            list(NAMES)[number]: {"problem": track[0]} if len(track) == 1 else dict(zip(TRACK, track, strict=True))
            for number, track in zip(numbers, tracks, strict=True)
        }
        lines(facts)  # a code made by hand may hold anything
        if not facts["tracks"]:
            raise ValueError(code)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, zlib.error):
        raise TutorialError(
            f"{_clean(code)[:20]}… is no whole code of the doctor; copy all of it, from {MARK} on."
        ) from None
    return facts


def show(facts: dict, with_code: bool = True) -> int:
    """Print the report, with rich on a terminal; returns the exit status, 1 where a lesson would be stopped."""
    rows = [(status, topic, _clean(text)) for status, topic, text in lines(facts)]
    _print(["", "looked at", "found"], rows)
    stops = sum(status == STOP for status, _, _ in rows)
    print(f"\n{stops} thing(s) to mend before a lesson runs." if stops else "\nThis machine is ready.")
    if with_code:
        print(f"Code for your teacher: {encode(facts)}")
    return int(stops > 0)


def show_class(file: str) -> int:
    """Print one table of the codes in a file, a code, or a name and a code, a line; returns 0, or 1 where somebody is not ready."""
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TutorialError(f"{file} cannot be read ({error.strerror}); name a file with a code a line.") from None
    rows, ready = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        before, mark, code = line.partition(MARK)
        who = _clean(before).strip(" :,;\t") or f"line {number}"
        try:
            facts = decode(mark + code.strip(" ,;\"'"))
        except TutorialError:
            rows.append((who, "?", "", "", "", "", "the code is not whole"))
            continue
        found = lines(facts)
        stops = [f"{topic}: {text}" for status, topic, text in found if status == STOP]
        ready += not stops
        tracks = [NAMES[name] for name, track in facts["tracks"].items() if "problem" not in track]
        first = {topic: text for _, topic, text in found}.get(f"{tracks[0]} time", "") if tracks else ""
        rows.append((
            who, "no" if stops else "yes", " ".join(tracks) or "none", f"{facts['free'] or facts['memory']} GB", f"{facts['disk']} GB",
            first.removeprefix("about, without reading: 01 ").partition(",")[0], _clean("; ".join(stops)),
        ))  # fmt: skip
    if not rows:
        raise TutorialError(f"{file} holds no code; it needs one a line, with a name before it if you like.")
    _print(["who", "ready", "tracks", "memory free", "disk free", "lesson 01", "what is missing"], rows)
    print(f"\n{ready} of {len(rows)} are ready.")
    return int(ready < len(rows))


def _print(header: list[str], rows: list[tuple[str, ...]]) -> None:
    """A table: rich's on a terminal, lines of plain text elsewhere and where rich is missing."""
    try:
        if not sys.stdout.isatty():
            raise ImportError
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header) - 1)]
        for row in rows if header[0] == "" else [header, *rows]:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            print("  ".join([*cells, row[-1]]).rstrip())
        return
    table, colors = (
        Table(*header),
        {OK: "green", "yes": "green", NOTE: "yellow", "?": "yellow", STOP: "red", "no": "red"},
    )
    for row in rows:
        table.add_row(*(Text(cell, style=colors.get(cell, "")) for cell in row))
    Console().print(table)


def _clean(text: str) -> str:
    """Text without characters that control a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))
