"""Is the log what was written, and do the projections say what it says?

Every digest is recomputed, positions are dense, the triggers are there, and every projection equals what follows from
the entries. Entries are read in batches that keep no writer waiting; only at the end, where sums are compared, do
appends wait. Memory: one batch of entries, and one row for each sum.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from django.db import connection

from enhancelog import projections, records
from enhancelog.backends import dialect, faults
from enhancelog.models import Entry as EntryModel
from enhancelog.projections.expected import Expected
from enhancelog.projections.stored import Stored
from enhancelog.store.rows import RECORD_COLUMNS, from_row
from enhancelog.store.writing import BATCH

_COLUMNS: Final = ("position", "recorded_ms", "source", "digest", *RECORD_COLUMNS)
_BEFORE_ALL: Final = -(2**63)

Row = Sequence[Any]
Progress = Callable[[int], None]


def verify(progress: Progress = lambda done: None) -> Iterator[str]:
    """A line for everything that is wrong. ``progress`` hears how many entries were read. Raises ``Other``."""
    with faults():
        yield from _missing()
        walk = _Walk(progress)
        yield from walk.on()
        with dialect().appending():
            yield from walk.on()
            yield from walk.end()


def _missing() -> Iterator[str]:
    with connection.cursor() as cursor:
        for name in dialect().missing_triggers(cursor):
            yield f"the trigger {name} is missing or altered; migrate puts it back"
        for name in dialect().search.missing(cursor):
            yield f"{name} is missing; migrate makes it"


class _Walk:
    """The log from its beginning to where it ends now, as often as asked to go on."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._after = _BEFORE_ALL
        self._done = 0
        self._expected: list[Expected] = projections.expected()

    def on(self) -> Iterator[str]:
        while rows := self._next_rows():
            entries: list[Stored] = []
            for row in rows:
                yield from self._check(row, entries)
            for expected in self._expected:
                yield from expected.feed(entries, self._after, rows[-1][0])
            self._after = rows[-1][0]
            self._progress(self._done)

    def end(self) -> Iterator[str]:
        for expected in self._expected:
            yield from expected.finish()

    def _next_rows(self) -> list[Row]:
        rows = EntryModel.objects.filter(position__gt=self._after).order_by("position")
        return list(rows.values_list(*_COLUMNS)[:BATCH])

    def _check(self, row: Row, entries: list[Stored]) -> Iterator[str]:
        position, recorded_ms, source, digest, *record = row
        self._done += 1
        if position != self._done:
            yield f"position {position} where {self._done} was expected: positions are not dense"
            self._done = position
        try:
            entry = from_row(record)
        except (ValueError, TypeError, AttributeError, msgspec.MsgspecError) as error:
            yield f"the entry at position {position} ({record[0]!r}) cannot be read: {error}"
            return
        if records.digest(entry) != digest:
            yield f"the entry at position {position} ({entry.issue_id}) is not what its digest was made of"
        entries.append(Stored(position, recorded_ms, source, entry))
