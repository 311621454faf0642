"""One row for every axis that denied a run, so that "denied by" is an index range."""

from collections.abc import Iterator, Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog import records
from enhancelog.backends import dialect
from enhancelog.models import Denial
from enhancelog.projections.stored import Stored

TABLES = (Denial,)
COLUMNS = ("position", "ts_ms", "blueprint_id", "axis", "sole", "rejected")


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    rows = list(_rows(entries))
    if rows:
        dialect().insert_rows(cursor, Denial._meta.db_table, COLUMNS, rows)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {Denial._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )


def _rows(entries: Sequence[Stored]) -> Iterator[tuple[int, int, str, str, bool, bool]]:
    for position, _, _, entry in entries:
        denied = records.denials(entry)
        for axis in denied:
            yield position, entry.ts_ms, entry.blueprint_id, axis, len(denied) == 1, entry.status == "rejected"
