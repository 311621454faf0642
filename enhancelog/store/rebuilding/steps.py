"""Steps through the log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from enhancelog.backends import dialect
from enhancelog.models import Entry
from enhancelog.projections import source_names
from enhancelog.projections.source_names import Progress
from enhancelog.projections.stored import Stored
from enhancelog.store import redacted
from enhancelog.store.database import last_position, stored
from enhancelog.store.evidence import READ_BYTES, TEXTS
from enhancelog.store.rows import ENTRIES_PER_READ, STORED_COLUMNS

BEFORE_ALL: Final = -(2**63)
# Under the append lock; each may have 1 MiB.
ENTRIES_AT_ONCE: Final = 100
ROWS_AT_ONCE: Final = 1_000


@contextmanager
def locked() -> Iterator[CursorWrapper]:
    """A step under the append lock. After it, others may have the lock for as long."""
    with dialect().appending() as cursor:
        began = time.monotonic()
        yield cursor
    time.sleep(time.monotonic() - began)


def entries_after(position: int, most: int = ENTRIES_PER_READ, up_to: int | None = None) -> list[Stored]:
    """The next in position order, at most a few MiB."""
    found = Entry.objects.filter(position__gt=position).order_by("position")
    if up_to is not None:
        found = found.filter(position__lte=up_to)
    rows, _ = dialect().first_rows(found, STORED_COLUMNS, TEXTS, most, READ_BYTES)
    return stored(rows)


# What the texts and names of entries were when they were read.
Basis = tuple[int, Progress]


def basis(cursor: CursorWrapper) -> Basis:
    """As long as it is the same, all that follows from an entry is what it was."""
    return redacted.number(), source_names.progress(cursor)


def delete_beyond(table: type[Model]) -> None:
    """Rows of positions that the log does not have yet."""
    name = table._meta.db_table
    is_left = True
    while is_left:
        with locked() as cursor:
            last = last_position()
            cursor.execute(
                f"SELECT position FROM {name} WHERE position > %s ORDER BY position LIMIT 1 OFFSET {ROWS_AT_ONCE}",
                [last],
            )
            row = cursor.fetchone()
            is_left = row is not None
            limit, values = ("AND position <= %s", [last, *row]) if row else ("", [last])
            cursor.execute(f"DELETE FROM {name} WHERE position > %s {limit}", values)
