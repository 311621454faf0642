"""One row for everything that is off about an entry, so that the odd ones can be listed."""

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.badges import badges
from enhancelog.models import EntryBadge
from enhancelog.projections.stored import Stored

TABLES = (EntryBadge,)


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    rows = [(stored.position, badge) for stored in entries for badge in badges(stored.entry, stored.recorded_ms)]
    if rows:
        dialect().insert_rows(cursor, EntryBadge._meta.db_table, ("position", "badge"), rows)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    cursor.executemany(
        f"DELETE FROM {EntryBadge._meta.db_table} WHERE position = %s", [(stored.position,) for stored in entries]
    )
