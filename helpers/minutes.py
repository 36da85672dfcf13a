"""How long the parts of the lessons take: what ``make minutes`` measured, in ``minutes.json``."""

import json
import time
from pathlib import Path

FILE = Path(__file__).with_name("minutes.json")


def read() -> dict:
    """``{"machine": {…}, "lessons": {lesson: {track: {part: seconds}}}}``; empty where nothing was measured."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def seconds(lesson: str, track: str, part: str | None = None) -> float | None:
    """Seconds that a part of a lesson took at the quick profile, or all of it; ``None`` if nobody has measured it."""
    parts = read().get("lessons", {}).get(lesson, {}).get(track, {})
    return parts.get(part) if part else sum(parts.values()) or None


def spoken(value: float | None) -> str:
    """A time in words."""
    if value is None:
        return "not measured"
    if value < 10:
        return "seconds"
    if value < 50:
        return f"about {round(value / 10) * 10} seconds"
    return "about a minute" if value < 90 else f"about {round(value / 60)} minutes"


def where() -> str:
    """A sentence that says what the times were measured on."""
    machine = read().get("machine")
    if not machine:
        return "No times have been measured yet."
    return f"The times are those of the quick profile on {machine['cores']} cores of an {machine['processor']}."


def gflops(size: int = 2048) -> float:
    """How many billion operations a second this machine reaches in a product of fp32 matrices; takes under a second.

    A product of two n × n matrices takes 2n³ operations. The fastest of four, because the first one warms up.
    """
    import numpy as np

    matrix = np.ones((size, size), np.float32)
    times = []
    for _ in range(4):
        start = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times) / 1e9
