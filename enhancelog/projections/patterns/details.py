from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from enhancelog import patterns
from enhancelog.domain.times import tally_day
from enhancelog.patterns import Masked
from enhancelog.projections.stored import Stored

# Characters; programs repeat short texts.
LONGEST_REMEMBERED: Final = 500
REMEMBERED: Final = 2_000

# The name of all templates beyond the limit.
OTHER: Final = "(any other wording)"

# Denials per entry that belong to patterns, in order.
MOST_AXES: Final = 64


class Classified(NamedTuple):
    """``key``: id of the ``template``, or of the axis's ``other``. ``day``: ``None`` if implausible."""

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
    """The templates of an entry's denials (``records.denials``), in order."""
    # The most expensive part of an append.
    return tuple(masked(detail).template for detail in islice(denied.values(), MOST_AXES))


def classify(entries: Iterable[Stored]) -> list[Classified]:
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
    """One axis of an entry's ``denied`` (``records.denied``); ``None`` beyond ``MOST_AXES``. Times are epoch ms."""
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
    return _remembered(patterns.mask, detail) if len(detail) <= LONGEST_REMEMBERED else patterns.mask(detail)


def other_key(axis: str) -> str:
    """The id of an axis's ``other``; no detail contains NUL."""
    return patterns.pattern_id(axis, "\0")


@lru_cache(maxsize=REMEMBERED)
def _remembered(rule: Callable[[str], Masked], detail: str) -> Masked:
    return rule(detail)
