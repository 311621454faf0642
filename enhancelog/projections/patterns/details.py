"""A denial's detail as its template: what the rules say of it, alone."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice, zip_longest
from typing import Final, NamedTuple

from enhancelog import patterns, records
from enhancelog.patterns import Masked
from enhancelog.projections.stored import Stored
from enhancelog.records import Entry
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


def templates(entry: Entry) -> tuple[str, ...]:
    """Of its denials, in their order, as many as are told apart. This is what takes longest of an append."""
    return tuple(masked(detail).template for detail in islice(records.denials(entry).values(), MOST_AXES))


def classify(entries: Iterable[Stored]) -> list[Classified]:
    """Every denial of these entries."""
    found: list[Classified] = []
    for stored in entries:
        entry = stored.entry
        at = stored.position, tally_day(entry.ts_ms, stored.recorded_ms), entry.ts_ms, entry.blueprint_id
        told_apart = templates(entry) if stored.templates is None else stored.templates
        for axis, template in zip_longest(records.denials(entry), told_apart):
            found.append(_classified(*at, entry.status, axis, template))
    return found


def classified(
    position: int, recorded_ms: int, ts_ms: int, blueprint_id: str, status: str, axis: str, denied: Mapping[str, str]
) -> Classified:
    """What an entry's ``denied`` (``records.denied``) says of one axis; times are epoch ms."""
    is_told_apart = axis in islice(denied, MOST_AXES)
    template = masked(denied[axis]).template if is_told_apart else None
    return _classified(position, tally_day(ts_ms, recorded_ms), ts_ms, blueprint_id, status, axis, template)


def _classified(
    position: int, day: int | None, ts_ms: int, blueprint_id: str, status: str, axis: str, template: str | None
) -> Classified:
    """``template``: ``None`` where it is not told apart."""
    other = template is None
    key = other_key(axis) if template is None else patterns.pattern_id(axis, template)
    told = OTHER if template is None else template
    return Classified(position, day, ts_ms, blueprint_id, status == "rejected", axis, told, key, other)


def masked(detail: str) -> Masked:
    """The detail's template and what fills its holes; remembered, for most details come again."""
    return _remembered(patterns.mask, detail) if len(detail) <= LONGEST_REMEMBERED else patterns.mask(detail)


def other_key(axis: str) -> str:
    """The id of an axis's templates beyond the most; no detail holds a NUL."""
    return patterns.pattern_id(axis, "\0")


@lru_cache(maxsize=REMEMBERED)
def _remembered(rule: Callable[[str], Masked], detail: str) -> Masked:
    return rule(detail)
