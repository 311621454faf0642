"""Limits how many rows are scanned when no index serves the filter."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from django.db.models import Max, Min

from enhancelog.domain import page_sizes, records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.meta_filters import is_meta
from enhancelog.projections import source_names
from enhancelog.queries import blueprint_ids, flips, meta_values, phrases, touched_places
from enhancelog.queries.leading_rows import leading_axis
from enhancelog.queries.pattern_ids import is_pattern_id
from enhancelog.queries.selection import WHOLE, Entries, Part, Span, beyond, in_order, keys, select
from enhancelog.queries.themes import of_filter as themes
from enhancelog.queries.themes.nearest import nearest

# A list follows one index range: of a pattern, a denied axis (a theme's, too), a place, a Blueprint, a value of meta, a
# status, or of the time alone. Other conditions are checked row by row. So a page, a count or the way to a neighbor
# scans at most MOST_ROWS rows, for less than 100 ms, and says where it stopped; texts, axes of themes, and other
# entries that are looked for in each row divide them. A rare phrase, theme, place, value of meta or prefix of
# Blueprints leads straight to its entries.
MOST_ROWS: Final = 20_000
NEAR: Final = 2 * page_sizes.LARGEST
_OF_OTHER_ENTRIES: Final = frozenset(("afterwards", "next", "attempt"))

_SIMPLE: Final = frozenset(("blueprint_id", "source", "status", "axis"))

# ``ts_ms`` and position.
Key = tuple[int, int]


class Reach(NamedTuple):
    """``end``: key of the last row scanned; ``None``: nothing was left out."""

    entries: Entries
    end: Key | None


def reach(wanted: EntryFilter, up_to: int, *, ascending: bool, after: Key | None = None, near: int = 0) -> Reach:
    """``near``: denials of a theme to look up; as many as a page may need unless given."""
    if found := nearest(wanted, up_to, near or NEAR, ascending=ascending, after=after):
        entries = select(replace(wanted, include={}), up_to).filter(key_position__in=found.positions)
        return Reach(in_order(entries, ascending=ascending), found.end)
    begin = () if after is None else (beyond(*after, ascending=ascending),)
    led = led_to(wanted, up_to)
    if led is not None:
        return Reach(in_order(led.filter(*begin), ascending=ascending), None)
    leading = _leading(wanted)
    most = most_rows(wanted)
    if up_to <= most or _asks_no_more(wanted, leading):
        return Reach(in_order(select(wanted, up_to, Part(begin)), ascending=ascending), None)
    rows = in_order(keys(leading, up_to, begin), ascending=ascending)
    last, *further = [*rows[most - 1 : most + 1]] or [None]
    end = (beyond(*last, ascending=not ascending, inclusive=True),) if last is not None and further else ()
    part = Part(begin + end, _positions(rows[:most], wanted))
    return Reach(in_order(select(wanted, up_to, part), ascending=ascending), last if end else None)


def _positions(rows: Entries, wanted: EntryFilter) -> Span:
    # Rows that follow each other in time mostly have positions near each other, by which the search index is read.
    if not any(name == "phrase" for name, _ in wanted.asked):
        return WHOLE.positions
    found = rows.aggregate(first=Min("key_position"), last=Max("key_position"))
    return WHOLE.positions if found["first"] is None else Span(**found)


def most_rows(wanted: EntryFilter) -> int:
    """How many rows are scanned at most."""
    return math.ceil(MOST_ROWS / max(1, sum(_lookups(name, values) for name, values in wanted.asked)))


def _lookups(name: str, values: Sequence[str]) -> int:
    # Other entries are looked for in the retry thread, or in the chain of hashes.
    if name == "text":
        return len(values)
    if name == "theme":
        return len({each.axis for each in themes.ids(values)})
    return 2 if name in _OF_OTHER_ENTRIES or (name == "has" and "gap" in values) else 0


def is_one_range(wanted: EntryFilter) -> bool:
    return _SIMPLE.issuperset(wanted.include) and _asks_no_more(wanted, _leading(wanted))


def whole(wanted: EntryFilter, up_to: int) -> Entries:
    led = led_to(wanted, up_to)
    return select(wanted, up_to) if led is None else led


def stored_last(wanted: EntryFilter, up_to: int) -> Entries:
    """Of a filter that is more than one range. What no index leads to is looked for in the last positions only."""
    led = led_to(wanted, up_to)
    if led is not None:
        return led
    entries = select(wanted, up_to)
    if "phrase" in wanted.include or _leading(wanted).include.keys() - {"status", "source"}:
        return entries
    return entries.filter(key_position__gt=up_to - most_rows(wanted))


def led_to(wanted: EntryFilter, up_to: int) -> Entries | None:
    """``None``: no index of few rows leads to the entries."""
    ways = {
        "theme": themes.few,
        "phrase": phrases.few,
        "blueprint_prefix": blueprint_ids.few,
        "touches": touched_places.few,
        "has": flips.few,
    }
    ways |= {name: partial(meta_values.few, name) for name in wanted.include if is_meta(name)}
    for name, few in ways.items():
        if name in wanted.include and (positions := few(wanted, up_to)) is not None:
            others = {other: values for other, values in wanted.include.items() if other != name}
            others = themes.without(wanted) if name == "theme" else others
            return select(replace(wanted, include=others), up_to).filter(key_position__in=positions)
    return None


def _leading(wanted: EntryFilter) -> EntryFilter:
    pattern = wanted.one("pattern")
    if pattern is not None and is_pattern_id(pattern):
        return replace(wanted, include={"pattern": (pattern,)}, exclude={})
    axis = leading_axis(wanted)
    include: dict[str, tuple[str, ...]] = {"axis": (axis,)} if axis is not None and records.is_id(axis) else {}
    if not include and (place := touched_places.leading(wanted)):
        include = {"touches": (place,)}
    elif not include and (name := meta_values.leading(wanted)):
        return replace(wanted, include={name: wanted.include[name]}, exclude={})
    for name in ("blueprint_id", "source", "status"):
        values = wanted.include.get(name, ())
        follows = not include if name == "status" else name == "blueprint_id" or list(include) == ["blueprint_id"]
        is_one = len(source_names.current().recorded_of(values) if name == "source" else values) == 1
        if is_one and follows:
            include[name] = values
    return replace(wanted, include=include, exclude={})


def _asks_no_more(wanted: EntryFilter, leading: EntryFilter) -> bool:
    asked = dict(wanted.include)
    # Denied runs are mostly rejected.
    if leading.include.keys() & {"axis", "pattern"} and asked.get("status") == ("rejected",):
        del asked["status"]
    return not wanted.exclude and asked == leading.include
