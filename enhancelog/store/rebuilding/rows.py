"""Rows that belong to one entry each and follow from it alone."""

from collections.abc import Callable, Sequence
from typing import Final

from django.db.models import Model

from enhancelog import projections
from enhancelog.models import CandidateKey, DenialPattern, Rejudgement
from enhancelog.projections import attempts, denials, entry_badges, meta_values, run_starts
from enhancelog.projections.expected import RowsPerEntry
from enhancelog.store.rebuilding.steps import BEFORE_ALL, ENTRIES_AT_ONCE, delete_beyond, entries_after, locked

TABLES: Final[tuple[type[Model], ...]] = (
    *(table for each in (denials, entry_badges, meta_values, run_starts, attempts) for table in each.TABLES),
    *(CandidateKey, Rejudgement, DenialPattern),
)


def rebuild(progress: Callable[[int], None]) -> int:
    """Returns the number of entries."""
    expected = [each for each in projections.expected() if isinstance(each, RowsPerEntry)]
    after, done = BEFORE_ALL, 0
    while entries := entries_after(after):
        up_to = entries[-1].position
        if differing := [each for each in expected if each.differs(entries, after, up_to)]:
            _repair(differing, after, up_to)
        after = up_to
        done += len(entries)
        progress(done)
    for table in TABLES:
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
