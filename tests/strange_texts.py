"""Texts that nobody would type and somebody will, for tests that draw their input."""

from hypothesis import HealthCheck, strategies
from hypothesis import settings as rules

PIECES = strategies.sampled_from(
    ["", " ", "\0", "\ud800", "\udfff", "😀", "مرحبا", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "word "]
)  # fmt: skip
LONG = strategies.tuples(PIECES, strategies.sampled_from([1, 50, 20_000])).map(
    lambda pair: (pair[0] * pair[1])[:100_000]
)
ANYTHING = strategies.one_of(
    strategies.text(), LONG, strategies.none(), strategies.integers(), strategies.floats(), strategies.binary(),
    strategies.lists(strategies.text()),
)  # fmt: skip
MANY = rules(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
