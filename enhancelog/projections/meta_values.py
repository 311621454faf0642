"""A row per key of ``meta``: a value is an index range."""

from collections.abc import Iterator, Sequence

from django.db.backends.utils import CursorWrapper
from msgspec import UNSET

from enhancelog.backends import dialect
from enhancelog.domain import meta
from enhancelog.models import MetaValue
from enhancelog.projections.expected import Expected, RowsPerEntry
from enhancelog.projections.stored import Stored

TABLES = (MetaValue,)
COLUMNS = ("position", "key", "value", "ts_ms")


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    if found := list(rows(entries)):
        dialect().insert_rows(cursor, MetaValue._meta.db_table, COLUMNS, found)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {MetaValue._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )


def expected() -> list[Expected]:
    return [RowsPerEntry(MetaValue, COLUMNS, rows)]


def rows(entries: Sequence[Stored]) -> Iterator[tuple[int, str, str, int]]:
    for position, _, _, entry, *_ in entries:
        if entry.meta is not UNSET:
            for key, value in sorted(meta.indexed(bytes(entry.meta)).items()):  # index order
                yield position, key, value, entry.ts_ms
