"""A row per badge of an entry."""

from collections.abc import Iterator, Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.badges import badges
from enhancelog.models import EntryBadge
from enhancelog.projections.expected import Expected, RowsPerEntry
from enhancelog.projections.stored import Stored

TABLES = (EntryBadge,)
COLUMNS = ("position", "badge")


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    if found := list(rows(entries)):
        dialect().insert_rows(cursor, EntryBadge._meta.db_table, COLUMNS, found)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {EntryBadge._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )


def expected() -> list[Expected]:
    return [RowsPerEntry(EntryBadge, COLUMNS, rows)]


def rows(entries: Sequence[Stored]) -> Iterator[tuple[int, str]]:
    for stored in entries:
        for badge in badges(stored.entry, stored.recorded_ms, stored.origin.source):
            yield stored.position, badge
