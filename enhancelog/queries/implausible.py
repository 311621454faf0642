"""Entries without a plausible time: lists show them in a block of their own, by when they were recorded."""

from dataclasses import replace
from typing import Final, NamedTuple

from enhancelog.backends import Row
from enhancelog.domain.badges import IMPLAUSIBLE_TIME
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import DAY_MS, EARLIEST_MS
from enhancelog.models import EntryBadge
from enhancelog.queries.prepared import Statement, fetch, written
from enhancelog.queries.selection import with_implausible
from enhancelog.store.rows import COLUMNS

MOST: Final = 20
SCANNED: Final = 1_000  # of the newest ones; a filter is checked row by row


class Implausible(NamedTuple):
    """``rows``: newest first. ``are_all``: no more match."""

    rows: list[Row]
    are_all: bool


def is_bounded(wanted: EntryFilter) -> bool:
    """Whether the filter asks for a time, which no implausible one matches."""
    return wanted.since_ms is not None or wanted.until_ms is not None


def only_plausible(wanted: EntryFilter) -> EntryFilter:
    """The filter without implausible times, which could otherwise come first in an index."""
    if is_bounded(wanted):
        return wanted
    return replace(wanted, since_ms=EARLIEST_MS, until_ms=wanted.now_ms + DAY_MS + 1)


def newest_implausible(wanted: EntryFilter, up_to: int) -> Implausible:
    """Of the entries up to position ``up_to`` that match an unbounded filter."""

    def write(up_to: int) -> Statement:
        marked = EntryBadge.objects.filter(badge=IMPLAUSIBLE_TIME, entry_id__lte=up_to)
        return written(marked.order_by("-entry_id").values("entry_id")[: SCANNED + 1])

    positions = [position for (position,) in fetch("implausible", write, up_to)]
    if not positions:
        return Implausible([], are_all=True)
    entries = with_implausible(wanted, up_to).filter(key_position__in=positions[:SCANNED])
    rows = list(entries.order_by("-key_position").values_list(*COLUMNS)[: MOST + 1])
    return Implausible(rows[:MOST], len(rows) <= MOST and len(positions) <= SCANNED)
