"""Rows that belong to one entry each and follow from it alone."""

from collections.abc import Callable, Sequence
from typing import Final

from django.db.models import Model

from enhancelog import projections
from enhancelog.models import DenialPattern, Rejudgement, Touch, TouchAwaiting, TouchPending
from enhancelog.projections.expected import RowsPerEntry
from enhancelog.store.database import last_position
from enhancelog.store.rebuilding.steps import BEFORE_ALL, ENTRIES_AT_ONCE, delete_beyond, entries_after, locked

# Their other rows follow from more than the entry.
OTHERS: Final[tuple[type[Model], ...]] = (Rejudgement, DenialPattern, Touch, TouchAwaiting, TouchPending)


def rebuild(progress: Callable[[int], None]) -> int:
    """Returns the number of entries."""
    expected = [each for each in projections.expected() if isinstance(each, RowsPerEntry)]
    after, done, last = BEFORE_ALL, 0, last_position()  # what comes later is derived as it comes
    while entries := entries_after(after, up_to=last):
        up_to = entries[-1].position
        if differing := [each for each in expected if each.differs(entries, after, up_to)]:
            _repair(differing, after, up_to)
        after = up_to
        done += len(entries)
        progress(done)
    for table in (*(each.table for each in expected), *OTHERS):
        delete_beyond(table)
    return done


def _repair(differing: Sequence[RowsPerEntry], after: int, last: int) -> None:
    while after < last:
        with locked() as cursor:
            entries = entries_after(after, ENTRIES_AT_ONCE, last)
            up_to = entries[-1].position
            for each in differing:
                each.repair(cursor, entries, after, up_to)
        after = up_to
