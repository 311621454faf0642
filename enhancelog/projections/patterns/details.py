"""A denial's detail as its template: what the rules say of it, alone."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
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

MOST_AXES: Final = 64
"""Of one entry, in the order of its denials; what the others said is "other"."""


class Classified(NamedTuple):
    """One denial. ``key``: the id of its ``template``, or of its axis's ``other``. ``day``: the one it counts for,
    ``None`` without a plausible time."""

    position: int
    day: int | None
    ts_ms: int
    blueprint_id: str
    rejected: bool
    axis: str
    template: str
    key: str
    other: bool


def classify(entries: Iterable[Stored]) -> list[Classified]:
    """Every denial of these entries."""
    found: list[Classified] = []
    for stored in entries:
        entry = stored.entry
        at = stored.position, tally_day(entry.ts_ms, stored.recorded_ms), entry.ts_ms, entry.blueprint_id
        denied = records.denials(entry)
        told = _told_apart(denied)
        for axis, detail in denied.items():
            found.append(_classified(*at, entry.status, axis, detail if axis in told else None))
    return found


def classified(
    position: int, recorded_ms: int, ts_ms: int, blueprint_id: str, status: str, axis: str, denied: Mapping[str, str]
) -> Classified:
    """What an entry's ``denied`` (``records.denied``) says of one axis; times are epoch ms."""
    detail = denied[axis] if axis in _told_apart(denied) else None
    return _classified(position, tally_day(ts_ms, recorded_ms), ts_ms, blueprint_id, status, axis, detail)


def _told_apart(denied: Mapping[str, str]) -> frozenset[str]:
    """Those axes of one entry whose templates are told apart."""
    return frozenset(islice(denied, MOST_AXES))


def _classified(
    position: int, day: int | None, ts_ms: int, blueprint_id: str, status: str, axis: str, detail: str | None
) -> Classified:
    """``detail``: ``None`` where it is not looked at."""
    if detail is None:
        template, key = OTHER, other_key(axis)
    else:
        template = masked(detail).template
        key = patterns.pattern_id(axis, template)
    return Classified(
        position, day, ts_ms, blueprint_id, status == "rejected", axis, template, key, other=detail is None
    )


def masked(detail: str) -> Masked:
    """The detail's template and what fills its holes; remembered, for most details come again."""
    return _remembered(patterns.mask, detail) if len(detail) <= LONGEST_REMEMBERED else patterns.mask(detail)


def other_key(axis: str) -> str:
    """The id of an axis's templates beyond the most; no detail holds a NUL."""
    return patterns.pattern_id(axis, "\0")


@lru_cache(maxsize=REMEMBERED)
def _remembered(rule: Callable[[str], Masked], detail: str) -> Masked:
    return rule(detail)
