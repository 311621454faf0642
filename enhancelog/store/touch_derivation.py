"""Derives the places that patches touch."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect, faults, in_parts
from enhancelog.models import (
    Document,
    Entry,
    EntryPatch,
    HostJoin,
    Patch,
    RunStart,
    Touch,
    TouchAwaiting,
    TouchDerivation,
    TouchPending,
)
from enhancelog.projections.run_starts import start_key
from enhancelog.store import redacted
from enhancelog.store.touch_rows import (
    AWAITING_COLUMNS,
    TOUCH_COLUMNS,
    Derived,
    Source,
    derive,
    key_of,
    patches,
    sources,
)

# Entries with operations of their own are followed by position, others when ``host_derivation`` joins their patch.
# Whoever waits for a document is derived again when it comes. The rows follow from the sets of entries, patches and
# documents alone. Documents are read without the append lock; what was read must still hold when rows are written.

ENTRIES_AT_ONCE: Final = 50
DOCUMENTS_AT_ONCE: Final = 250
WAITING_AT_ONCE: Final = 1_000

TABLES: Final[tuple[type[models.Model], ...]] = (Touch, TouchAwaiting, TouchPending)

_ENTRY: Final = Entry._meta.db_table
_PATCH: Final = Patch._meta.db_table
_JOINED: Final = EntryPatch._meta.db_table
_TOUCH: Final = Touch._meta.db_table
_AWAITING: Final = TouchAwaiting._meta.db_table
_PENDING: Final = TouchPending._meta.db_table
_DERIVATION: Final = TouchDerivation._meta.db_table
_DOCUMENT: Final = Document._meta.db_table
_JOIN: Final = HostJoin._meta.db_table

_PROGRESS: Final = f"""
    SELECT done.own, done.entries, done.patches, done.documents, done.documents_queued, joined.entries, joined.patches,
        (SELECT MIN(position) FROM {_ENTRY} WHERE ops IS NOT NULL AND position > COALESCE(done.own, 0)),
        (SELECT COALESCE(MAX(position), 0) FROM {_DOCUMENT}), (SELECT MIN(position) FROM {_PENDING})
    FROM (SELECT 1 AS id) one LEFT JOIN {_DERIVATION} done ON done.id = one.id LEFT JOIN {_JOIN} joined
        ON joined.id = one.id"""
_NEXT_OWN: Final = f"""
    SELECT position FROM {_ENTRY} WHERE ops IS NOT NULL AND position > %s ORDER BY position LIMIT {ENTRIES_AT_ONCE}"""
# The entries of runs from this document.
_FROM: Final = f"""
    SELECT start.position FROM {RunStart._meta.db_table} start JOIN {_ENTRY} entry ON entry.position = start.position
    WHERE start.start_key = %s AND entry.prev_hash = %s"""
_NEXT_PENDING: Final = f"SELECT position FROM {_PENDING} ORDER BY position LIMIT {ENTRIES_AT_ONCE}"


class Progress(NamedTuple):
    """``next_own`` and ``pending``: an entry to derive. ``NULL``s of the row are ``None``."""

    own: int | None
    entries: int | None
    patches: int | None
    documents: int | None
    documents_queued: int | None
    joined_entries: int | None
    joined_patches: int | None
    next_own: int | None
    last_document: int
    pending: int | None

    @property
    def is_begun(self) -> bool:
        return self.own is not None

    @property
    def is_needed(self) -> bool:
        return self.next_own is not None or self.joined_entries is not None

    @property
    def is_done(self) -> bool:
        """Of what is joined."""
        if not self.is_begun:
            return not self.is_needed
        is_derived = self.next_own is None and self.pending is None and not self.lags
        return is_derived and self.documents_queued == self.last_document

    @property
    def lags(self) -> bool:
        done = (self.entries, self.patches, self.documents)
        return done != (self.joined_entries, self.joined_patches or 0, self.documents_queued)


def progress() -> Progress:
    with faults(), connection.cursor() as cursor:
        return read_progress(cursor)


def read_progress(cursor: CursorWrapper) -> Progress:
    cursor.execute(_PROGRESS)
    return Progress(*cursor.fetchone())


def step() -> bool:
    """Do some of the work of each kind; returns whether there may be more."""
    found = progress()
    if not found.is_begun:
        return found.is_needed and _begin()
    # Each in its turn, so that none waits for the end of another, which may keep coming.
    return any([_derive_pending(found), _derive_own(found), _complete(), _queue_waiting()])


def queue(cursor: CursorWrapper, positions: Iterable[int]) -> None:
    """The patches joined to these entries may have changed. Under the append lock."""
    for part in in_parts(sorted(positions)):
        places = ", ".join(["%s"] * len(part))
        _queue(cursor, f"SELECT position FROM {_ENTRY} WHERE position IN ({places}) AND ops IS NULL", part)


def again(cursor: CursorWrapper, position: int) -> None:
    """The operations of this entry were redacted. Under the append lock."""
    for table in TABLES:
        cursor.execute(f"DELETE FROM {table._meta.db_table} WHERE position = %s", [position])
    if read_progress(cursor).is_begun:
        cursor.execute(f"INSERT INTO {_PENDING} (position) VALUES (%s)", [position])


def forget_document(cursor: CursorWrapper, hash: str) -> None:
    """This document was redacted. Under the append lock."""
    key = start_key(hash)
    for table in TABLES:
        cursor.execute(f"DELETE FROM {table._meta.db_table} WHERE position IN ({_FROM})", [key, hash])
    if read_progress(cursor).is_begun:
        cursor.execute(f"INSERT INTO {_PENDING} (position) {_FROM}", [key, hash])


def repair(positions: Sequence[int]) -> None:
    """Derive the rows of these entries again, or of the first of them."""
    _derive(progress(), positions)


def _begin() -> bool:
    with dialect().appending() as cursor:
        cursor.execute(
            f"INSERT INTO {_DERIVATION} (id, own, entries, patches, documents, documents_queued)"
            " VALUES (1, 0, NULL, 0, 0, 0) ON CONFLICT (id) DO NOTHING"
        )
    return True


def _derive_pending(found: Progress) -> bool:
    if found.pending is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_PENDING)
        positions = [position for (position,) in cursor.fetchall()]
    _derive(found, positions)
    return True


def _derive_own(found: Progress) -> bool:
    if found.next_own is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_OWN, [found.own])
        positions = [position for (position,) in cursor.fetchall()]
    _derive(found, positions, are_own=True)
    return True


def _derive(found: Progress, positions: Sequence[int], *, are_own: bool = False) -> None:
    redactions = redacted.number()
    derived, read = derive(sources(positions))
    with dialect().appending() as cursor:
        if not positions or redacted.number() != redactions or not _is_as_read(cursor, found, read):
            return
        last = read[-1].position if read else positions[-1]
        _replace(cursor, [position for position in positions if position <= last], derived)
        if are_own:
            cursor.execute(f"UPDATE {_DERIVATION} SET own = %s", [last])


# Else another process has done some of it. A document that comes meanwhile finds who waits for it when it is queued.
# Operations are written once, but for redactions, so their positions identify them.
def _is_as_read(cursor: CursorWrapper, found: Progress, read: Sequence[Source]) -> bool:
    now = read_progress(cursor)
    before = [(source.position, source.patch) for source in read]
    return (now.own, now.documents_queued) == (found.own, found.documents_queued) and (
        patches([source.position for source in read]) == before
    )


def _complete() -> bool:
    if not progress().lags:
        return False
    with dialect().appending() as cursor:
        found = read_progress(cursor)
        if found.pending is not None:
            return False
        cursor.execute(
            f"UPDATE {_DERIVATION} SET entries = %s, patches = %s, documents = documents_queued",
            [found.joined_entries, found.joined_patches or 0],
        )
    return True


def _queue_waiting() -> bool:
    """Those who wait for documents that have come since."""
    found = progress()
    if found.pending is not None or found.documents_queued == found.last_document:
        return False
    with dialect().appending() as cursor:
        _queue_next(cursor, read_progress(cursor))
    return True


def _queue_next(cursor: CursorWrapper, found: Progress) -> None:
    if found.documents_queued is None:
        return
    up_to = min(found.documents_queued + DOCUMENTS_AT_ONCE, found.last_document)
    columns = f"SELECT hash, form FROM {_DOCUMENT} WHERE position > %s AND position <= %s"
    cursor.execute(columns, [found.documents_queued, up_to])
    rows = cursor.fetchall()
    moved = 0
    for condition, forms in (("", ("yaml",)), ("AND is_missing", ("json",))):
        keys = [key_of(hash) for hash, form in rows if form in forms]
        moved += _wake(cursor, keys, condition, WAITING_AT_ONCE - moved)
    if moved < WAITING_AT_ONCE:
        cursor.execute(f"UPDATE {_DERIVATION} SET documents_queued = %s", [up_to])


def _wake(cursor: CursorWrapper, keys: Sequence[str], condition: str, most: int) -> int:
    if not keys or not most:
        return 0
    is_one, parameter = dialect().one_of("key", keys)
    cursor.execute(f"SELECT position FROM {_AWAITING} WHERE {is_one} {condition} LIMIT %s", [parameter, most])
    positions = [position for (position,) in cursor.fetchall()]
    if positions:
        places = ", ".join(["%s"] * len(positions))
        _queue(cursor, f"SELECT position FROM {_ENTRY} WHERE position IN ({places})", positions)
        cursor.execute(f"DELETE FROM {_AWAITING} WHERE position IN ({places})", positions)
    return len(positions)


def _queue(cursor: CursorWrapper, entries: str, values: Sequence[int]) -> None:
    cursor.execute(f"INSERT INTO {_PENDING} (position) {entries} ON CONFLICT (position) DO NOTHING", list(values))


def _replace(cursor: CursorWrapper, positions: Sequence[int], derived: Derived) -> None:
    places = ", ".join(["%s"] * len(positions))
    for table in TABLES:
        cursor.execute(f"DELETE FROM {table._meta.db_table} WHERE position IN ({places})", positions)
    if derived.touches:
        dialect().insert_rows(cursor, _TOUCH, TOUCH_COLUMNS, derived.touches)
    if derived.awaiting:
        dialect().insert_rows(cursor, _AWAITING, AWAITING_COLUMNS, derived.awaiting)
