"""How often patches touched the places of a Blueprint, and how often their runs were rejected."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db.models import Count as Rows
from django.db.models import Q

from enhancelog.backends import faults
from enhancelog.domain import records
from enhancelog.domain.badges import IMPLAUSIBLE_TIME
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import DAY_MS, EARLIEST_MS, now_ms
from enhancelog.models import Entry, EntryBadge, Touch
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import CAP, Count
from enhancelog.queries.horizon import PatchHorizon
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.reach import reach

MOST_PLACES: Final = 1_000  # that are looked through
MOST_COUNTED: Final = 300  # places
COUNTED_ROWS: Final = 50_000  # of all places together
MOST_OF_PLACE: Final = 10_000  # its newest rows
LOOKED_AT: Final = 20  # newest rows of a place, to see what it is

_TOUCH: Final = Touch._meta.db_table

# Of its newest rows: how many were rejected; -1 if no patch named the place by itself, NULL without rows.
_LOOKED: Final = f"""
    SELECT CASE MAX(CASE WHEN is_whole AND NOT has_named THEN 1 ELSE 0 END)
        WHEN 1 THEN COUNT(CASE WHEN rejected THEN 1 END) WHEN 0 THEN -1 END
    FROM (
        SELECT is_whole, has_named, rejected FROM {_TOUCH} touch
        WHERE touch.blueprint_id = %s AND touch.place = first_ones.place{{until}}
        ORDER BY ts_ms DESC, position DESC LIMIT {LOOKED_AT}) newest"""
# From one place to the next by the index.
_PLACES: Final = f"""
    WITH RECURSIVE touched(place) AS (
        SELECT (SELECT MIN(place) FROM {_TOUCH} WHERE blueprint_id = %s)
        UNION ALL
        SELECT (SELECT MIN(place) FROM {_TOUCH} WHERE blueprint_id = %s AND place > touched.place)
        FROM touched WHERE touched.place IS NOT NULL
    ), first_ones AS (SELECT place FROM touched LIMIT {MOST_PLACES + 2})
    SELECT place, COALESCE(({_LOOKED.format(until=" AND touch.ts_ms < %s")}), ({_LOOKED.format(until="")})),
        (SELECT MAX(ts_ms) FROM {_TOUCH} touch
            WHERE touch.blueprint_id = %s AND touch.place = first_ones.place AND touch.ts_ms < %s)
    FROM first_ones WHERE place IS NOT NULL ORDER BY place"""

_OF_PLACE: Final = f"""
    FROM {_TOUCH} touch WHERE touch.blueprint_id = %s AND touch.place = wanted.place
        AND touch.position <= %s AND touch.patch <= %s AND touch.document <= %s"""
_IN_SPAN: Final = """ AND touch.ts_ms >= %s AND touch.ts_ms < %s
    ORDER BY ts_ms DESC, position DESC LIMIT %s"""
_NEWEST: Final = f"SELECT rejected, position {_OF_PLACE}{_IN_SPAN}"
_NEWEST_APPLIED: Final = f"SELECT ts_ms, position {_OF_PLACE} AND NOT touch.rejected{_IN_SPAN}"
# Those that no clock could give; only the others are "newest".
_OUTSIDE: Final = f"""
    SELECT rejected FROM (SELECT rejected {_OF_PLACE} AND touch.ts_ms < {EARLIEST_MS} LIMIT %s) early
    UNION ALL SELECT rejected FROM (SELECT rejected {_OF_PLACE} AND touch.ts_ms >= %s LIMIT %s) late LIMIT %s"""
# Ahead of when it was recorded, though not of now.
_IS_PLAUSIBLE: Final = f"""
    NOT EXISTS (SELECT 1 FROM {EntryBadge._meta.db_table} marked
        WHERE marked.badge = '{IMPLAUSIBLE_TIME}' AND marked.position = newest.position)"""
_COUNTS: Final = f"""
    WITH wanted(place) AS (VALUES {{places}})
    SELECT place, (SELECT COUNT(*) FROM ({_NEWEST}) newest),
        (SELECT COUNT(*) FROM ({_NEWEST}) newest WHERE {{counted}}),
        (SELECT COUNT(*) FROM ({_NEWEST}) newest WHERE rejected AND {{counted}}),
        {{outside}},
        (SELECT position FROM ({_NEWEST_APPLIED}) newest WHERE {_IS_PLAUSIBLE}
            ORDER BY ts_ms DESC, position DESC LIMIT 1)
    FROM wanted"""
_COUNTS_OUTSIDE: Final = f"""
    (SELECT COUNT(*) FROM ({_OUTSIDE}) outside), (SELECT COUNT(*) FROM ({_OUTSIDE}) outside WHERE rejected)"""


class TouchedPlaces(NamedTuple):
    """``whole``: those that patches named by themselves, those rejected most first, then the newest."""

    touched: frozenset[str]
    whole: list[str]
    is_cut: bool


class Change(NamedTuple):
    """An applied entry."""

    issue_id: str
    intent: str
    ts_ms: int
    recorded_ms: int


class Counts(NamedTuple):
    """``capped``: of the newest ``tried`` patches only; ``last`` is of all."""

    tried: int = 0
    rejected: int = 0
    capped: bool = False
    last: Change | None = None

    @property
    def applied(self) -> int:
        return self.tried - self.rejected


NONE: Final = Counts()


class Known(NamedTuple):
    """Runs whose patch is known."""

    runs: Count
    rejected: Count


def known(blueprint_id: str, window: Window, seen: PatchHorizon) -> Known:
    asked = {"blueprint_id": (blueprint_id,), "has": ("patch",)}
    wanted = EntryFilter(asked, {}, window.since_ms, window.until_ms, seen=seen.seen)
    with faults():
        entries, end = reach(wanted, seen.up_to, ascending=False)
        # In one pass, because a Blueprint may have many runs without a patch.
        rejected = Rows("position", filter=Q(status="rejected"))
        found = entries[: CAP + 1].aggregate(runs=Rows("position"), rejected=rejected)
    capped = found["runs"] > CAP or end is not None
    return Known(*(Count(min(found[name], CAP), capped) for name in Known._fields))


def places(blueprint_id: str) -> TouchedPlaces:
    if not records.is_id(blueprint_id, may_be_empty=True):
        return TouchedPlaces(frozenset(), [], is_cut=False)
    until = (blueprint_id, now_ms() + DAY_MS + 1)
    with faults():
        found = run(Statement(_PLACES, (blueprint_id, blueprint_id, *until, blueprint_id, *until)))
    shown = found[:MOST_PLACES]
    ranked = sorted(shown, key=lambda row: (row[1], row[2] or EARLIEST_MS), reverse=True)
    return TouchedPlaces(
        frozenset(place for place, *_ in shown),
        [place for place, rejected, _ in ranked if rejected >= 0],
        len(found) > len(shown),
    )


def counts(blueprint_id: str, wanted: Sequence[str], window: Window, seen: PatchHorizon) -> dict[str, Counts]:
    """By place, for ``MOST_COUNTED`` at most; absent if no patch touched it."""
    if not wanted or not records.is_id(blueprint_id, may_be_empty=True):
        return {}
    most = min(MOST_OF_PLACE, COUNTED_ROWS // len(wanted))
    latest = now_ms() + DAY_MS + 1
    since_ms, until_ms = window.since_ms, window.until_ms
    bounded = since_ms is not None or until_ms is not None
    own = (blueprint_id, seen.up_to, *seen.seen)
    span = (*own, max(since_ms or EARLIEST_MS, EARLIEST_MS), latest if until_ms is None else min(until_ms, latest))
    outside = (*own, most + 1, *own, latest, most + 1)
    values = (
        *(*span, most + 1, *span, most, *span, most),
        *(() if bounded else (*outside, most + 1, *outside, most)),
        *(*span, LOOKED_AT),
    )
    statement = _COUNTS.format(
        places=", ".join(["(%s)"] * len(wanted)),
        counted=_IS_PLAUSIBLE if bounded else "1 = 1",
        outside="0, 0" if bounded else _COUNTS_OUTSIDE,
    )
    with faults():
        rows = run(Statement(statement, (*wanted, *values)))
        changes = _changes([row[-1] for row in rows if row[-1] is not None])
    found = {place: _counts(most, *numbers, last=changes.get(last)) for place, *numbers, last in rows}
    return {place: each for place, each in found.items() if each.tried}


# ``outside`` are the last to count, as no time says how new they are.
def _counts(
    most: int, looked_at: int, tried: int, rejected: int, outside: int, rejected_outside: int, *, last: Change | None
) -> Counts:
    if looked_at <= most and tried + outside <= most:
        return Counts(tried + outside, rejected + rejected_outside, capped=False, last=last)
    if looked_at:
        return Counts(tried, rejected, capped=True, last=last)
    return Counts(min(outside, most), rejected_outside, capped=True, last=last)


def _changes(positions: Sequence[int]) -> dict[int, Change]:
    if not positions:
        return {}
    rows = Entry.objects.filter(position__in=set(positions)).values_list("position", *Change._fields)
    return {row[0]: Change(*row[1:]) for row in rows}
