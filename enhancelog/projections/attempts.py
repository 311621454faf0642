"""A row per run that can be part of a retry thread."""

from collections.abc import Iterator, Sequence
from typing import Final

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.intents import intent_hash, thread_key_of
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
    for stored in entries:
        entry = stored.entry
        key = stored_key(stored)
        if key is not None and is_plausible(entry.ts_ms, stored.recorded_ms):
            is_crowded = len(stored.denied) > MOST_DENIED
            yield stored.position, key, entry.ts_ms, entry.status == "applied", is_crowded


def stored_key(stored: Stored) -> int | None:
    """The ``thread_key`` of its intent, also if that was redacted."""
    intent = intent_hash(stored.entry.intent) if stored.kept is None else stored.kept.intent
    return thread_key_of(stored.entry.blueprint_id, stored.source, intent)
