"""The patterns of a period as a sortable table, for any filter."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.db.models import Q, Sum

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter, Order
from enhancelog.models import Denial
from enhancelog.queries import tallies
from enhancelog.queries.blueprint_ids import named
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.patterns.counted import counted, is_tallied
from enhancelog.queries.patterns.in_state import in_state
from enhancelog.queries.patterns.newness import newness
from enhancelog.queries.patterns.ranking import (
    Hidden,
    Numbers,
    PatternRow,
    Scope,
    described,
    leaders_of,
    numbers,
    top_places,
    without_expected,
)
from enhancelog.queries.patterns.served import PLAUSIBLE, patterns

SORTS: Final = ("denials", "change", "axis", "first", "last")


class Part(NamedTuple):
    sort: str
    order: Order
    first: int
    size: int


class Chosen(NamedTuple):
    """``state``: see ``STATE_FILTERS``; empty: all, but expected ones only if ``shows_expected``."""

    state: str = ""
    shows_expected: bool = False


EVERY_STATE: Final = Chosen()


class Table(NamedTuple):
    """``in_all``: rows including those not shown. ``is_compared``: with the period before. ``is_whole``: no entry was
    left out. ``beyond``: rejections by the filter's axis that belong to no pattern."""

    rows: Sequence[PatternRow]
    in_all: int
    scope: Scope | None
    is_whole: bool = True
    beyond: int = 0
    hidden: Hidden = Hidden()

    @property
    def is_compared(self) -> bool:
        return self.scope is not None


def table(wanted: EntryFilter, window: Window, part: Part, spark_until_ms: int, chosen: Chosen = EVERY_STATE) -> Table:
    """``wanted`` asks for rejected entries."""
    is_wanted, wanted = newness(wanted, window.since_ms, window.until_ms)
    scope = _scope(wanted, window)
    if scope is None:
        bounded = replace(wanted, since_ms=window.since_ms, until_ms=window.until_ms)
        return _of_newest(bounded, window, part, is_wanted, chosen)
    denied = 0 if scope.axis is None else _denied(window, scope)  # first, so that no append in between is left over
    found = numbers(window, scope)
    beyond = max(0, denied - sum(here.rejected for here in found.values()))
    found = {pattern: here for pattern, here in found.items() if is_wanted(pattern)}
    found, hidden = _in_state(found, chosen)
    order = _ordered(found, part)[part.first : part.first + part.size]
    rows = described(order, found, window, spark_until_ms, scope)
    return Table(rows, len(found), scope, beyond=beyond, hidden=hidden)


def matching(wanted: EntryFilter, window: Window, part: Part, chosen: Chosen) -> list[int]:
    """All rows of such a table, whatever its part: row ids of leading templates, in order."""
    is_wanted, wanted = newness(wanted, window.since_ms, window.until_ms)
    scope = _scope(wanted, window)
    if scope is None:
        rows = counted(replace(wanted, since_ms=window.since_ms, until_ms=window.until_ms)).rows
        totals = Counter[int]()
        for row in rows:
            totals[row.pattern] += row.number
        found = {pattern: Numbers(number) for pattern, number in totals.items()}
    else:
        found = numbers(window, scope)
    found, _ = _in_state({pattern: here for pattern, here in found.items() if is_wanted(pattern)}, chosen)
    return _ordered(found, part)


def _in_state(found: dict[int, Numbers], chosen: Chosen) -> tuple[dict[int, Numbers], Hidden]:
    if not chosen.state:
        return without_expected(found, chosen.shows_expected)
    is_in_it = in_state(found, chosen.state)
    return {pattern: here for pattern, here in found.items() if is_in_it(pattern)}, Hidden()


def _scope(wanted: EntryFilter, window: Window) -> Scope | None:
    bounds = (None, None) if window.hourly else (window.since_ms, window.until_ms)
    if not is_tallied(replace(wanted, since_ms=bounds[0], until_ms=bounds[1])):
        return None
    return Scope(named(wanted), wanted.one("axis"))


def _denied(window: Window, scope: Scope) -> int:
    of_axis = Q(axis__in=records.only_ids([scope.axis or ""]))
    if window.hourly:
        rows = Denial.objects.filter(of_axis, scope.blueprints.condition)
        return rows.filter(PLAUSIBLE, rejected=True, ts_ms__gte=window.since_ms, ts_ms__lt=window.until_ms).count()
    tally = in_days(tallies.of_axes(scope.blueprints).filter(of_axis), window.since_ms, window.until_ms)
    return tally.aggregate(n=Sum("rejected"))["n"] or 0


def _of_newest(
    wanted: EntryFilter, window: Window, part: Part, is_wanted: Callable[[int], bool], chosen: Chosen
) -> Table:
    found = counted(wanted)
    totals: Counter[int] = Counter()
    for row in found.rows:
        totals[row.pattern] += row.number
    sums = {pattern: Numbers(number) for pattern, number in totals.items() if is_wanted(pattern)}
    sums, hidden = _in_state(sums, chosen)
    order = _ordered(sums, part)[part.first : part.first + part.size]
    leaders, states, places = leaders_of(order), states_of(order), top_places(found.rows)
    rows = [
        leader.row(window, sums[pattern], places.get(pattern), state=states[pattern])
        for pattern in order
        if (leader := leaders.get(pattern))
    ]
    return Table(rows, len(sums), None, found.is_whole, hidden=hidden)


def _ordered(found: Mapping[int, Numbers], part: Part) -> list[int]:
    usual = sorted(found, key=lambda pattern: (-found[pattern].rejected, -found[pattern].before, pattern))
    keys = _keys(found, part.sort)
    known = [pattern for pattern in usual if keys.get(pattern) is not None]
    known.sort(key=keys.__getitem__, reverse=part.order == "desc")
    return [*known, *(pattern for pattern in usual if keys.get(pattern) is None)]


def _keys(found: Mapping[int, Numbers], sort: str) -> dict[int, Any]:
    match sort:
        case "denials":
            return {pattern: here.rejected for pattern, here in found.items()}
        case "change":
            return {pattern: here.rejected - here.before for pattern, here in found.items()}
    column = {"axis": "axis", "first": "first_ms", "last": "last_ms"}[sort]
    return {pattern: value for pattern, value in patterns().values_list("pk", column) if pattern in found}
