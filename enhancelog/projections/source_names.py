"""Reads under which name each source is shown, and how far the projections follow."""

import time
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.domain.source_names import Names
from enhancelog.models import SourceChange, SourceProgress

# Readers use the newest names at once. What is derived by name follows each change in turn: first the entries of the
# source, by position; then the joins of all patches. New entries and joins get the names of the changes that all older
# entries follow, so that after each step everything derived is what ``Derived`` says.

# Another process may have changed a name. Pages notice at once, because ``queries.version`` says so.
CHECKED_EVERY_S: Final = 1.0

CHANGE: Final = SourceChange._meta.db_table
PROGRESS: Final = SourceProgress._meta.db_table

_LAST: Final = f"SELECT COALESCE(MAX(id), 0) FROM {CHANGE}"
_NAMES: Final = f"""
    SELECT source, shown_as FROM {CHANGE} WHERE id IN (SELECT MAX(id) FROM {CHANGE} WHERE id <= %s GROUP BY source)"""
_PROGRESS: Final = f"SELECT changes, entries, patches FROM {PROGRESS} WHERE id = 1"
_CHANGE: Final = f"SELECT source, shown_as FROM {CHANGE} WHERE id = %s"

NONE: Final = Names()


class Progress(NamedTuple):
    """As ``SourceProgress``."""

    changes: int
    entries: int
    patches: int | None

    @property
    def followed(self) -> int:
        """The last change that all entries follow."""
        return self.changes if self.patches is None else self.changes + 1


class Renamed(NamedTuple):
    source: str
    shown_as: str


class Derived(NamedTuple):
    """By which names the projections are derived now. ``next``: the change that entries up to a position follow."""

    progress: Progress
    names: Names
    next: Renamed | None

    def name_at(self, source: str, position: int) -> str:
        """Of the entry at a position."""
        if self.next is not None and source == self.next.source and position <= self.progress.entries:
            return self.next.shown_as
        return self.names.shown(source)


class _Kept(NamedTuple):
    version: int
    names: Names
    checked: float


_kept: _Kept | None = None
_followed: tuple[int, Names] | None = None
_least = 0


def current() -> Names:
    """The newest names, at most ``CHECKED_EVERY_S`` old; a look into memory most of the time."""
    global _kept
    kept, now = _kept, time.monotonic()
    if kept is not None and now - kept.checked < CHECKED_EVERY_S and kept.version >= _least:
        return kept.names
    with connection.cursor() as cursor:
        version = last_change(cursor)
        is_same = kept is not None and kept.version == version
        names = kept.names if kept is not None and is_same else up_to(cursor, version)
    _kept = _Kept(version, names, now)
    return names


def saw(version: int) -> None:
    """From now on, ``current`` has at least this change."""
    global _least
    _least = max(_least, version)


def forget() -> None:
    global _kept, _followed, _least
    _kept, _followed, _least = None, None, 0


def last_change(cursor: CursorWrapper) -> int:
    cursor.execute(_LAST)
    return int(cursor.fetchone()[0])


def up_to(cursor: CursorWrapper, change: int) -> Names:
    """As of this change."""
    if not change:
        return NONE
    cursor.execute(_NAMES, [change])
    return Names(dict(cursor.fetchall()))


def progress(cursor: CursorWrapper) -> Progress:
    cursor.execute(_PROGRESS)
    row = cursor.fetchone()
    return Progress(0, 0, None) if row is None else Progress(*row)


def change(cursor: CursorWrapper, number: int) -> Renamed | None:
    cursor.execute(_CHANGE, [number])
    row = cursor.fetchone()
    return None if row is None else Renamed(*row)


def derived(cursor: CursorWrapper) -> Derived:
    at = progress(cursor)
    following = change(cursor, at.followed + 1) if at.entries and at.patches is None else None
    return Derived(at, _followed_names(cursor, at.followed), following)


# Kept, because appends need them under the lock. A change is never changed.
def _followed_names(cursor: CursorWrapper, followed: int) -> Names:
    global _followed
    if _followed is None or _followed[0] != followed:
        _followed = followed, up_to(cursor, followed)
    return _followed[1]


def shown_sql(column: str) -> str:
    """The newest name of a source, as an SQL expression."""
    newest = f"SELECT named.shown_as FROM {CHANGE} named WHERE named.source = {column} ORDER BY named.id DESC LIMIT 1"
    return f"COALESCE(({newest}), {column})"
