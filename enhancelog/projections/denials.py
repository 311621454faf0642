"""A row per denial, so that "denied by" is an index range."""

from collections.abc import Iterator, Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.models import Denial
from enhancelog.projections.expected import Expected, RowsPerEntry
from enhancelog.projections.stored import Stored

TABLES = (Denial,)
COLUMNS = ("position", "ts_ms", "blueprint_id", "axis", "sole", "rejected")


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    if found := list(rows(entries)):
        dialect().insert_rows(cursor, Denial._meta.db_table, COLUMNS, found)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {Denial._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )


def expected() -> list[Expected]:
    return [RowsPerEntry(Denial, COLUMNS, rows)]


def rows(entries: Sequence[Stored]) -> Iterator[tuple[int, int, str, str, bool, bool]]:
    for position, _, _, entry, denied, *_ in entries:
        sole, rejected = len(denied) == 1, entry.status == "rejected"
        for axis in sorted(denied):  # index order makes bulk inserts faster
            yield position, entry.ts_ms, entry.blueprint_id, axis, sole, rejected
