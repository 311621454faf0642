"""A denial's detail as its template: what the rules say of it, alone."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from enhancelog import patterns
from enhancelog.domain.times import tally_day
from enhancelog.patterns import Masked
from enhancelog.projections.stored import Stored

LONGEST_REMEMBERED: Final = 500
"""Characters; what a program says again and again is short."""
REMEMBERED: Final = 2_000

OTHER: Final = "(any other wording)"
"""What the templates beyond the most that are told apart are called together."""

MOST_AXES: Final = 64
"""Of one entry, in the order of its denials; those on further axes are of no pattern."""


class Classified(NamedTuple):
    """One denial of a pattern. ``key``: the id of its ``template``, or of its axis's ``other``. ``day``: the one it
    counts for, ``None`` without a plausible time."""

    position: int
    day: int | None
    ts_ms: int
    blueprint_id: str
    rejected: bool
    axis: str
    template: str
    key: str
    other: bool = False


def templates(denied: Mapping[str, str]) -> tuple[str, ...]:
    """Of an entry's denials (``records.denials``), in their order, as many as are of patterns. This is what takes
    longest of an append."""
    return tuple(masked(detail).template for detail in islice(denied.values(), MOST_AXES))


def classify(entries: Iterable[Stored]) -> list[Classified]:
    """Every denial of these entries that is of a pattern."""
    found: list[Classified] = []
    for stored in entries:
        entry = stored.entry
        at = stored.position, tally_day(entry.ts_ms, stored.recorded_ms), entry.ts_ms, entry.blueprint_id
        said = templates(stored.denied) if stored.templates is None else stored.templates
        for axis, template in zip(stored.denied, said, strict=False):
            found.append(_classified(*at, entry.status, axis, template))
    return found


def classified(
    position: int, recorded_ms: int, ts_ms: int, blueprint_id: str, status: str, axis: str, denied: Mapping[str, str]
) -> Classified | None:
    """What an entry's ``denied`` (``records.denied``) says of one axis, ``None`` beyond ``MOST_AXES``; times are epoch
    ms."""
    if axis not in islice(denied, MOST_AXES):
        return None
    template = masked(denied[axis]).template
    return _classified(position, tally_day(ts_ms, recorded_ms), ts_ms, blueprint_id, status, axis, template)


def _classified(
    position: int, day: int | None, ts_ms: int, blueprint_id: str, status: str, axis: str, template: str
) -> Classified:
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
