"""A row per run that can be part of a retry thread."""

from collections.abc import Iterator, Sequence
from typing import Final

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.intents import thread_key
from enhancelog.domain.times import is_plausible
from enhancelog.models import Attempt
from enhancelog.projections.expected import Expected, RowsPerEntry
from enhancelog.projections.stored import Stored

# A later attempt changes the tallies of all axes that denied the one before, so there must not be too many.
MOST_DENIED: Final = 64

# An intent without words, or an implausible time, has no row.
TABLES = (Attempt,)
COLUMNS = ("position", "intent_key", "ts_ms", "applied", "crowded")


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    if found := list(rows(entries)):
        dialect().insert_rows(cursor, Attempt._meta.db_table, COLUMNS, found)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {Attempt._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )


def expected() -> list[Expected]:
    return [RowsPerEntry(Attempt, COLUMNS, rows)]


def rows(entries: Sequence[Stored]) -> Iterator[tuple[int, int, int, bool, bool]]:
    for position, recorded_ms, origin, entry, denied, *_ in entries:
        key = thread_key(entry.blueprint_id, origin.source, entry.intent)
        if key is not None and is_plausible(entry.ts_ms, recorded_ms):
            yield position, key, entry.ts_ms, entry.status == "applied", len(denied) > MOST_DENIED
