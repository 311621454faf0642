"""Derives anew what follows from the names of sources, in short transactions under the append lock."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import projections
from enhancelog.backends import dialect, faults
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry, HostJoin, HostSource, Patch
from enhancelog.projections import entry_patches, rejudgements, source_names
from enhancelog.projections.entry_patches import Affected, Moment, Place
from enhancelog.projections.source_names import Derived, Progress, Renamed
from enhancelog.projections.stored import Kept, Stored
from enhancelog.store import redacted, redacted_hosts, touch_derivation, unfinished_reports, writing
from enhancelog.store.observed import touch
from enhancelog.store.rows import ORIGIN, RECORD, RECORDED_MS, REDACTED, STORED_COLUMNS, from_row

# ``projections.source_names`` says what is derived by which name meanwhile. A step that another process has done finds
# other progress, and goes on from there.

ENTRIES_AT_ONCE: Final = 100  # derived anew; each may have 1 MiB
POSITIONS_AT_ONCE: Final = 5_000  # looked through for entries of the source
PATCHES_AT_ONCE: Final = 250

_PATCH: Final = Patch._meta.db_table
_JOIN: Final = HostJoin._meta.db_table
_DONE: Final = f"SELECT entries, patches FROM {_JOIN} WHERE id = 1"
_MOMENTS: Final = f"SELECT DISTINCT blueprint_id, ts_ms FROM {_PATCH} WHERE position > %s AND position <= %s"
_UPDATE: Final = f"UPDATE {source_names.PROGRESS} SET changes = %s, entries = %s, patches = %s WHERE id = 1"


def settle() -> None:
    """Follow all changes. Raises ``Other``."""
    while step():
        pass


def step() -> bool:
    """Follow the oldest change that is not followed to the end, a bit; whether there may be more. Raises ``Other``."""
    with faults():
        if is_done():
            return False
        with dialect().appending() as cursor:
            at = source_names.progress(cursor)
            change = source_names.change(cursor, at.changes + 1)
            if change is None:
                return False
            if at.patches is None:
                _follow_with_entries(cursor, at, change)
            else:
                _follow_with_patches(cursor, at, at.patches, change)
    return True


def is_done() -> bool:
    """Raises ``Other``."""
    with faults(), connection.cursor() as cursor:
        return source_names.progress(cursor).changes == source_names.last_change(cursor)


def start_over(cursor: CursorWrapper) -> None:
    """For a rebuild, which derives everything by the newest names."""
    _update(cursor, Progress(source_names.last_change(cursor), 0, None))


def follow_joins(cursor: CursorWrapper, affected: Affected) -> None:
    """What follows from the entries' patches may have changed."""
    redacted_hosts.forget_patches(cursor, affected.entries)
    rejudgements.observe(cursor, affected.entries)
    touch_derivation.queue(cursor, affected.entries)
    touch(cursor, affected.sources)


def stored(rows: Sequence[Sequence[Any]], names: Derived) -> list[Stored]:
    """``rows``: of ``STORED_COLUMNS``."""
    kept = redacted.kept(row[0] for row in rows if row[REDACTED] is not None)
    return [_stored(row, names, kept.get(row[0])) for row in rows]


def _stored(row: Sequence[Any], names: Derived, kept: Kept | None) -> Stored:
    entry, origin = from_row(row[RECORD]), Origin(*row[ORIGIN])
    shown_as, denied = names.name_at(origin.source, row[0]), records.denials(entry)
    return Stored(row[0], row[RECORDED_MS], origin, entry, denied, kept=kept, shown_as=shown_as)


def _follow_with_entries(cursor: CursorWrapper, at: Progress, change: Renamed) -> None:
    if source_names.up_to(cursor, at.changes).shown(change.source) == change.shown_as:
        _complete(cursor, at, change)
        return
    last = writing.last_position(cursor)
    up_to = _rename(cursor, at, change, min(at.entries + POSITIONS_AT_ONCE, last))
    if up_to == last:
        _update(cursor, at._replace(entries=last, patches=0))


def _rename(cursor: CursorWrapper, at: Progress, change: Renamed, up_to: int) -> int:
    """Of the first entries of the source. Returns the position up to which they all have the new name."""
    rows = Entry.objects.filter(position__gt=at.entries, position__lte=up_to, source=change.source)
    found = list(rows.order_by("position").values_list(*STORED_COLUMNS)[:ENTRIES_AT_ONCE])
    if len(found) == ENTRIES_AT_ONCE:
        up_to = found[-1][0]
    before = stored(found, source_names.derived(cursor))
    _update(cursor, at._replace(entries=up_to))  # before the rest, which reads the names
    if before:
        projections.rename(cursor, before, [each._replace(shown_as=change.shown_as) for each in before])
    return up_to


def _follow_with_patches(cursor: CursorWrapper, at: Progress, after: int, change: Renamed) -> None:
    # The entries and patches that one name brings together are of any source, so all patches are joined anew.
    cursor.execute(_DONE)
    row = cursor.fetchone()
    if row is None or after >= row[1]:
        _complete(cursor, at, change)
        return
    done = Place(*row)
    up_to = min(after + PATCHES_AT_ONCE, done.patches)
    cursor.execute(_MOMENTS, [after, up_to])
    moments = sorted(Moment(*row) for row in cursor.fetchall())
    follow_joins(cursor, entry_patches.apply(cursor, moments, done, done))
    _update(cursor, at._replace(patches=up_to))


def _complete(cursor: CursorWrapper, at: Progress, change: Renamed) -> None:
    before = source_names.up_to(cursor, at.changes).others(change.source)
    _update(cursor, Progress(at.changes + 1, 0, None))
    touch(cursor, HostSource.objects.filter(source__in=[change.source, *before]).values_list("source", flat=True))
    unfinished_reports.rename(change.source, change.shown_as)


def _update(cursor: CursorWrapper, progress: Progress) -> None:
    cursor.execute(_UPDATE, progress)
