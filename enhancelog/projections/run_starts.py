"""A row per run: attempts made from a document are an index range."""

from collections.abc import Iterator, Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.short_keys import short_key
from enhancelog.domain.times import is_plausible
from enhancelog.models import NO_TIME, RunStart
from enhancelog.projections.expected import Expected, RowsPerEntry
from enhancelog.projections.stored import Stored

TABLES = (RunStart,)
COLUMNS = ("position", "start_key", "ts_ms", "blueprint_id", "applied")


def start_key(prev_hash: str) -> int:
    return short_key(prev_hash.encode())


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    if found := list(rows(entries)):
        dialect().insert_rows(cursor, RunStart._meta.db_table, COLUMNS, found)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {RunStart._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )


def expected() -> list[Expected]:
    return [RowsPerEntry(RunStart, COLUMNS, rows)]


def rows(entries: Sequence[Stored]) -> Iterator[tuple[int, int, int, str, bool]]:
    for position, recorded_ms, _, entry, *_ in entries:
        ts_ms = entry.ts_ms if is_plausible(entry.ts_ms, recorded_ms) else NO_TIME
        yield position, start_key(entry.prev_hash), ts_ms, entry.blueprint_id, entry.status == "applied"
