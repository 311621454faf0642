"""Search results in recording order, partial after ``MOST_S`` seconds."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from enhancelog.backends import Row
from enhancelog.domain import page_sizes
from enhancelog.domain.filters import EntryFilter, Order
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Page, cursor_of, read_cursor
from enhancelog.queries.horizon import begun
from enhancelog.queries.phrases import few, find
from enhancelog.queries.prepared import Statement, fetch, written
from enhancelog.queries.reach import is_one_range
from enhancelog.queries.selection import Entries, select
from enhancelog.store.rows import COLUMNS

MOST_S: Final = 0.2

_MOST_AT_ONCE: Final = 1_000

# The usual page, and one more that shows whether another follows.
_MOST_WRITTEN: Final = page_sizes.ENTRIES + 1


def page(wanted: EntryFilter, order: Order, size: int, cursor: str | None = None) -> Page:
    """Raises ``Invalid`` (cursor)."""
    recorded = f"recorded {order}"
    at = None if cursor is None else read_cursor(cursor, wanted, recorded)
    wanted, up_to = begun(wanted) if at is None else at.continued(wanted)
    rows, seen, stopped = _search(wanted, order, size + 1, None if at is None else at.position, up_to)
    is_full = len(rows) > size
    behind = rows[size - 1][0] if is_full else seen if stopped else None
    following = None if behind is None else cursor_of((0, behind), wanted, recorded, up_to)
    return Page(rows[:size], up_to, following, stopped=stopped and not is_full, seen=wanted.seen)


def total(wanted: EntryFilter, up_to: int) -> Count | None:
    """``None`` if the phrase is in too many entries to count them in time."""
    positions = few(wanted, up_to)
    return None if positions is None else Count(_among(_rest(wanted), up_to, positions, asc=True).count())


def _search(
    wanted: EntryFilter, order: Order, most: int, after: int | None, up_to: int
) -> tuple[list[Row], int | None, bool]:
    deadline = time.monotonic() + MOST_S
    asc = order == "asc"
    low, high = (after or 0) + 1 if asc else 1, up_to if asc or after is None else after - 1
    rest = _rest(wanted)
    rows: list[Row] = []
    seen: int | None = None
    at_once = most
    while True:
        found = find(wanted, (low, high), at_once, deadline - time.monotonic(), asc=asc)
        rows += _rows(rest, up_to, found.positions, most - len(rows), asc=asc)
        is_over = len(found.positions) < at_once
        if found.positions:
            seen = found.positions[-1]
            low, high = (seen + 1, high) if asc else (low, seen - 1)
        if len(rows) == most or found.stopped or is_over or time.monotonic() >= deadline:
            return rows, seen, found.stopped or not is_over
        at_once = min(4 * at_once, _MOST_AT_ONCE)


def _rest(wanted: EntryFilter) -> EntryFilter:
    return replace(wanted, include={name: values for name, values in wanted.include.items() if name != "phrase"})


def _rows(rest: EntryFilter, up_to: int, positions: Sequence[int], most: int, *, asc: bool) -> list[Row]:
    if not positions:
        return []
    if len(positions) > _MOST_WRITTEN or not is_one_range(rest):
        return list(_among(rest, up_to, positions, asc=asc)[:most])

    def write(up_to: int, since_ms: int | None, until_ms: int | None, *positions: int) -> Statement:
        bounded = replace(rest, since_ms=since_ms, until_ms=until_ms)
        return written(_among(bounded, up_to, positions, asc=asc)[:most])

    # One statement for all pages: the last position fills the unused places.
    full = [*positions, *[positions[-1]] * (_MOST_WRITTEN - len(positions))]
    return fetch(("found", rest.key, most, asc), write, up_to, rest.since_ms, rest.until_ms, *full)


def _among(rest: EntryFilter, up_to: int, positions: Sequence[int], *, asc: bool) -> Entries:
    there = select(rest, up_to).filter(key_position__in=positions).order_by("key_position" if asc else "-key_position")
    return there.values_list(*COLUMNS)
