"""What makes the log quick to look at: derived from it, written in the append's transaction, rebuildable from it.

Each projection is a module with ``TABLES`` (its models), ``apply(cursor, entries)``, ``drop(cursor, entries)``, the
exact inverse, and ``expected()``: what its tables should hold, for verification. All of them depend on the set of
entries alone, never on the order in which they came; only which of its templates leads a pattern goes by position.
"""

from collections.abc import Iterable, Sequence
from types import ModuleType

from django.db import models
from django.db.backends.utils import CursorWrapper

from enhancelog.projections import attempts, blueprints, denials, entry_badges, patterns, search_index, tallies
from enhancelog.projections.expected import Expected
from enhancelog.projections.stored import Stored

PROJECTIONS: tuple[ModuleType, ...] = (denials, entry_badges, tallies, blueprints, attempts, patterns, search_index)


def tables() -> list[type[models.Model]]:
    """Every projection's tables."""
    return [table for projection in PROJECTIONS for table in projection.TABLES]


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    """Add what follows from newly stored entries; in their transaction, under the append lock."""
    for projection in PROJECTIONS:
        projection.apply(cursor, entries)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    """Take away what followed from these entries, which are still in the log."""
    for projection in PROJECTIONS:
        projection.drop(cursor, entries)


def expected() -> list[Expected]:
    """What the tables should hold, one expectation each, to be fed with the whole log."""
    return [expectation for projection in PROJECTIONS for expectation in projection.expected()]


def rebuild(cursor: CursorWrapper, batches: Iterable[Sequence[Stored]]) -> None:
    """Empty the projections and derive them anew from the whole log; in one transaction under the append lock."""
    for table in tables():
        cursor.execute(f"DELETE FROM {table._meta.db_table}")
    patterns.start(cursor)
    search_index.clear(cursor)
    for batch in batches:
        apply(cursor, batch)
