"""How often patches touched the places of a Blueprint, and how often they were denied."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enhancelog.backends import faults
from enhancelog.domain import records
from enhancelog.models import Entry, Touch
from enhancelog.queries.charts import Window
from enhancelog.queries.horizon import PatchHorizon
from enhancelog.queries.prepared import Statement, run

MOST_PLACES: Final = 1_000  # that are looked through
MOST_COUNTED: Final = 300  # places
COUNTED_ROWS: Final = 50_000  # of all places together
MOST_OF_PLACE: Final = 10_000  # its newest rows
LOOKED_AT: Final = 20  # newest rows of a place, to see what it is

_TOUCH: Final = Touch._meta.db_table

# From one place to the next by the index; of each, what its newest rows say.
_PLACES: Final = f"""
    WITH RECURSIVE touched(place) AS (
        SELECT (SELECT MIN(place) FROM {_TOUCH} WHERE blueprint_id = %s)
        UNION ALL
        SELECT (SELECT MIN(place) FROM {_TOUCH} WHERE blueprint_id = %s AND place > touched.place)
        FROM touched WHERE touched.place IS NOT NULL
    ), first_ones AS (SELECT place FROM touched LIMIT {MOST_PLACES + 2})
    SELECT place, (SELECT MAX(CASE WHEN is_whole AND NOT has_named THEN 1 ELSE 0 END) FROM (
        SELECT is_whole, has_named FROM {_TOUCH} touch WHERE touch.blueprint_id = %s AND touch.place = first_ones.place
        ORDER BY ts_ms DESC, position DESC LIMIT {LOOKED_AT}) newest)
    FROM first_ones WHERE place IS NOT NULL ORDER BY place"""

_NEWEST: Final = f"""
    SELECT rejected, ts_ms, position FROM {_TOUCH} touch
    WHERE touch.blueprint_id = %s AND touch.place = wanted.place
        AND touch.position <= %s AND touch.patch <= %s AND touch.document <= %s{{span}}
    ORDER BY ts_ms DESC, position DESC LIMIT %s"""
_COUNTS: Final = """
    WITH wanted(place) AS (VALUES {places})
    SELECT place, (SELECT COUNT(*) FROM ({newest}) newest),
        (SELECT COUNT(*) FROM ({newest}) newest WHERE rejected),
        (SELECT position FROM ({newest}) newest WHERE NOT rejected ORDER BY ts_ms DESC, position DESC LIMIT 1)
    FROM wanted"""


class TouchedPlaces(NamedTuple):
    """``whole``: those that patches named by themselves, not only as the beginning of another."""

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
    """``capped``: of the newest ``tried`` patches only. ``last``: the newest applied of them."""

    tried: int = 0
    denied: int = 0
    capped: bool = False
    last: Change | None = None

    @property
    def applied(self) -> int:
        return self.tried - self.denied


NONE: Final = Counts()


def places(blueprint_id: str) -> TouchedPlaces:
    if not records.is_id(blueprint_id, may_be_empty=True):
        return TouchedPlaces(frozenset(), [], is_cut=False)
    with faults():
        found = run(Statement(_PLACES, (blueprint_id,) * 3))
    shown = found[:MOST_PLACES]
    return TouchedPlaces(
        frozenset(place for place, _ in shown),
        [place for place, is_whole in shown if is_whole],
        len(found) > len(shown),
    )


def counts(blueprint_id: str, wanted: Sequence[str], window: Window, seen: PatchHorizon) -> dict[str, Counts]:
    """By place, for ``MOST_COUNTED`` at most; absent if no patch touched it."""
    if not wanted or not records.is_id(blueprint_id, may_be_empty=True):
        return {}
    most = min(MOST_OF_PLACE, COUNTED_ROWS // len(wanted))
    bounds = {"ts_ms >=": window.since_ms, "ts_ms <": window.until_ms}
    span = {condition: ms for condition, ms in bounds.items() if ms is not None}
    newest = _NEWEST.format(span="".join(f" AND touch.{condition} %s" for condition in span))
    own = (blueprint_id, seen.up_to, *seen.seen, *span.values())
    values = (*own, most + 1, *own, most, *own, most)
    with faults():
        rows = run(
            Statement(
                _COUNTS.format(places=", ".join(["(%s)"] * len(wanted)), newest=newest),
                (*wanted, *values),
            )
        )
        changes = _changes([position for *_, position in rows if position is not None])
    return {
        place: Counts(min(tried, most), denied, tried > most, changes.get(position))
        for place, tried, denied, position in rows
        if tried
    }


def _changes(positions: Sequence[int]) -> dict[int, Change]:
    if not positions:
        return {}
    rows = Entry.objects.filter(position__in=set(positions)).values_list("position", *Change._fields)
    return {row[0]: Change(*row[1:]) for row in rows}
