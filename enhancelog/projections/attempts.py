"""A row per run that can be part of a retry thread."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.intents import intent_key
from enhancelog.domain.times import is_plausible
from enhancelog.models import Attempt
from enhancelog.projections.expected import Expected, RowsPerEntry
from enhancelog.projections.stored import Stored

# An intent without words, or an implausible time, has no row.
TABLES = (Attempt,)
COLUMNS = ("position", "intent_key", "ts_ms", "applied")


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    if found := list(rows(entries)):
        dialect().insert_rows(cursor, Attempt._meta.db_table, COLUMNS, found)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {Attempt._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )


def expected() -> list[Expected]:
    return [RowsPerEntry(Attempt, COLUMNS, rows)]


def rows(entries: Sequence[Stored]) -> Iterator[tuple[int, int, int, bool]]:
    for position, recorded_ms, origin, entry, *_ in entries:
        key = intent_key(entry.intent)
        if key and is_plausible(entry.ts_ms, recorded_ms):
            hashed = _hash(entry.blueprint_id, origin.source, key)
            yield position, hashed, entry.ts_ms, entry.status == "applied"


def _hash(blueprint_id: str, source: str, key: str) -> int:
    # In one of 37 million logs with a million keys each, two collide by chance; they share a thread only if their
    # times meet too. A deliberate collision gains no more than writing the same intent.
    text = "\0".join((blueprint_id, source, key)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)
