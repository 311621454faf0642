"""Patterns as the API lists them."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enhancelog.domain import page_sizes
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.pattern_states import NEW, PatternState
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.patterns.counted import Found, counted
from enhancelog.queries.patterns.in_state import in_state
from enhancelog.queries.patterns.newness import newness
from enhancelog.queries.patterns.served import patterns

MOST: Final = page_sizes.API_PATTERNS  # patterns in one answer, those with most denials
MOST_BLUEPRINTS: Final = 100  # of one pattern, those with most denials


class Pattern(msgspec.Struct, kw_only=True):
    """A deny pattern: ``count`` entries, also by ``blueprints``. Times are plausible epoch ms."""

    id: str
    axis: str
    template: str
    count: int
    first_ts_ms: int | None
    last_ts_ms: int | None
    blueprints: dict[str, int]
    state: PatternState = NEW


class Listing(NamedTuple):
    """``is_whole``: all entries of the filter are counted, not only the newest."""

    patterns: list[Pattern]
    is_whole: bool


def listing(wanted: EntryFilter, most: int = MOST, states: Sequence[str] = ()) -> Listing:
    """``states``: only patterns in one of them; all if empty."""
    is_wanted, wanted = newness(wanted, wanted.since_ms, wanted.until_ms)
    found = counted(wanted)
    rows = [row for row in found.rows if is_wanted(row.pattern)]
    if states:
        is_in_one = in_state({row.pattern for row in rows}, *states)
        rows = [row for row in rows if is_in_one(row.pattern)]
    found = found._replace(rows=rows)
    return Listing(described(found, most), found.is_whole)


def described(found: Found, most: int) -> list[Pattern]:
    totals: Counter[int] = Counter()
    for row in found.rows:
        totals[row.pattern] += row.number
    order = sorted(totals, key=lambda pattern: (-totals[pattern], pattern))[:most]
    places: dict[int, Counter[str]] = {pattern: Counter() for pattern in order}
    for row in found.rows:
        if row.pattern in places:
            places[row.pattern][row.blueprint_id] += row.number
    states = states_of(order)
    said = {pk: rest for pk, *rest in patterns().filter(pk__in=order).values_list("pk", "key", "axis", "wording")}
    return [
        Pattern(
            id=said[pattern][0],
            axis=said[pattern][1],
            template=said[pattern][2],
            count=totals[pattern],
            first_ts_ms=found.times[pattern].first_ms,
            last_ts_ms=found.times[pattern].last_ms,
            blueprints=_most(places[pattern]),
            state=states[pattern],
        )
        for pattern in order
        if pattern in said and pattern in found.times
    ]


def _most(places: Counter[str]) -> dict[str, int]:
    return dict(sorted(places.items(), key=lambda place: (-place[1], place[0]))[:MOST_BLUEPRINTS])
