"""Verifies the places that patches touch."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect, faults
from enhancelog.models import Entry, EntryPatch, Touch, TouchAwaiting, TouchPending
from enhancelog.store import touch_derivation, touch_rows
from enhancelog.store.touch_rows import TOUCH_COLUMNS
from enhancelog.store.verification import Part, Progress

BATCH_ENTRIES: Final = 50

_TOUCH: Final = Touch._meta.db_table
_AWAITING: Final = TouchAwaiting._meta.db_table

Rows = dict[int, set[tuple[Any, ...]]]


def _findings(progress: Progress) -> Iterator[str]:
    after = done = 0
    with faults():
        while positions := next_positions(after):
            for position in unlike(positions):
                yield from _wrong(position)
            after = positions[-1]
            done += Touch.objects.filter(entry_id__in=positions).count()
            progress(done)


def next_positions(after: int) -> list[int]:
    """Of entries that have a patch, and of those that have rows."""
    found: set[int] = set()
    for rows in (
        Entry.objects.filter(ops__isnull=False).values_list("position"),
        EntryPatch.objects.values_list("entry_id").distinct(),
        Touch.objects.values_list("entry_id").distinct(),
        TouchAwaiting.objects.values_list("entry_id"),
    ):
        name = "position" if rows.model is Entry else "entry_id"
        found.update(position for (position,) in rows.filter(**{f"{name}__gt": after}).order_by(name)[:BATCH_ENTRIES])
    return sorted(found)[:BATCH_ENTRIES]


def unlike(positions: Sequence[int]) -> list[int]:
    """Those whose rows are not what their patches say."""
    with connection.cursor() as cursor:
        stored = _stored(cursor, positions)
    wanted = _wanted(positions)
    return [position for position in positions if stored[position] != wanted[position]]


# Looks again, under the append lock. What is not derived yet is left out.
def _wrong(position: int) -> Iterator[str]:
    with dialect().appending() as cursor:
        if not _is_derived(cursor, position):
            return
        is_same = _stored(cursor, [position]) == _wanted([position])
    if not is_same:
        yield f"what the patch of the entry at position {position} touches is not what it says; run rebuild_projections"


def _is_derived(cursor: CursorWrapper, position: int) -> bool:
    done = touch_derivation.read_progress(cursor)
    has_own = Entry.objects.filter(position=position, ops__isnull=False).exists()
    if done.own is None or (has_own and position > done.own) or TouchPending.objects.filter(pk=position).exists():
        return False
    return done.documents_queued == done.last_document or not TouchAwaiting.objects.filter(pk=position).exists()


def _stored(cursor: CursorWrapper, positions: Sequence[int]) -> Rows:
    found: Rows = defaultdict(set)
    places = ", ".join(["%s"] * len(positions))
    for columns, table in ((", ".join(TOUCH_COLUMNS), _TOUCH), ("position, key, is_missing", _AWAITING)):
        cursor.execute(f"SELECT {columns} FROM {table} WHERE position IN ({places})", list(positions))
        for row in cursor.fetchall():
            found[row[0]].add(tuple(row))
    return found


def _wanted(positions: Sequence[int]) -> Rows:
    found: Rows = defaultdict(set)
    while sources := touch_rows.sources(positions):
        derived, done = touch_rows.derive(sources)
        for row in (*derived.touches, *derived.awaiting):
            found[row[0]].add(row)
        positions = [position for position in positions if position > done[-1].position]
    return found


PART: Final = Part("touched places", lambda: Touch.objects.count(), _findings)
