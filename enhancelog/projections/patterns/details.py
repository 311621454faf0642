"""A denial's detail as its template: what the rules say of it, alone."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from enhancelog import patterns, records
from enhancelog.patterns import Masked
from enhancelog.projections.stored import Stored
from enhancelog.times import tally_day

LONGEST_REMEMBERED: Final = 500
"""Characters; what a program says again and again is short."""
REMEMBERED: Final = 2_000

OTHER: Final = "(any other wording)"
"""What the templates beyond the most that are told apart are called together."""


class Classified(NamedTuple):
    """One denial. ``key``: the id of its ``template``. ``day``: the one it counts for, ``None`` without a plausible
    time."""

    position: int
    day: int | None
    ts_ms: int
    blueprint_id: str
    rejected: bool
    axis: str
    template: str
    key: str


def classify(entries: Iterable[Stored]) -> list[Classified]:
    """Every denial of these entries."""
    return [
        classified(stored.position, stored.recorded_ms, entry.ts_ms, entry.blueprint_id, entry.status, axis, detail)
        for stored in entries
        for entry in [stored.entry]
        for axis, detail in records.denials(entry).items()
    ]


def classified(
    position: int, recorded_ms: int, ts_ms: int, blueprint_id: str, status: str, axis: str, detail: str
) -> Classified:
    """One denial from what the log says of it; times are epoch ms."""
    template = masked(detail).template
    day = tally_day(ts_ms, recorded_ms)
    key = patterns.pattern_id(axis, template)
    return Classified(position, day, ts_ms, blueprint_id, status == "rejected", axis, template, key)


def masked(detail: str) -> Masked:
    """The detail's template and what fills its holes; remembered, for most details come again."""
    return _remembered(patterns.mask, detail) if len(detail) <= LONGEST_REMEMBERED else patterns.mask(detail)


def other_key(axis: str) -> str:
    """The id of an axis's templates beyond the most; no detail holds a NUL."""
    return patterns.pattern_id(axis, "\0")


@lru_cache(maxsize=REMEMBERED)
def _remembered(rule: Callable[[str], Masked], detail: str) -> Masked:
    return rule(detail)
