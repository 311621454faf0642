"""Read models derived from the log, written in the append's transaction and rebuildable."""

from collections.abc import Iterable, Sequence
from types import ModuleType

from django.db import models
from django.db.backends.utils import CursorWrapper

from enhancelog.projections import (
    attempts,
    axis_totals,
    blueprints,
    denials,
    entry_badges,
    intents,
    meta_values,
    patterns,
    rejudgements,
    run_starts,
    search_index,
    tallies,
)
from enhancelog.projections.expected import Expected
from enhancelog.projections.stored import Stored

# A projection is a module with ``TABLES`` (its models), ``apply(cursor, entries)``, its exact inverse
# ``drop(cursor, entries)``, and ``expected()`` for verification. The result depends only on the set of entries, not
# on their order, except that the template of the lowest position leads a pattern, and that attempts
# at the same millisecond follow each other by position.
PROJECTIONS: tuple[ModuleType, ...] = (
    denials,
    entry_badges,
    meta_values,
    run_starts,
    attempts,
    tallies,
    intents,
    axis_totals,
    blueprints,
    rejudgements,
    patterns,
    search_index,
)

# They read denials and attempts, so they are dropped before them.
_FROM_OTHERS: tuple[ModuleType, ...] = (tallies, intents)

# They depend on the names of sources.
_BY_NAME: tuple[ModuleType, ...] = (attempts, tallies, intents, rejudgements)


def tables() -> list[type[models.Model]]:
    return [table for projection in PROJECTIONS for table in projection.TABLES]


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    """Runs in the entries' transaction, under the append lock."""
    for projection in PROJECTIONS:
        projection.apply(cursor, entries)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    """The inverse of ``apply``, for entries that are still in the log."""
    _drop(cursor, entries, PROJECTIONS)


def rename(cursor: CursorWrapper, before: Sequence[Stored], after: Sequence[Stored]) -> None:
    """Derive the same entries under the names ``after`` instead of those ``before``."""
    _drop(cursor, before, _BY_NAME)
    for projection in _BY_NAME:
        projection.apply(cursor, after)
    rejudgements.observe(cursor, [stored.position for stored in after])


def _drop(cursor: CursorWrapper, entries: Sequence[Stored], projections: Iterable[ModuleType]) -> None:
    others = [projection for projection in projections if projection not in _FROM_OTHERS]
    for projection in (*_FROM_OTHERS, *others):
        projection.drop(cursor, entries)


def expected() -> list[Expected]:
    return [expectation for projection in PROJECTIONS for expectation in projection.expected()]
