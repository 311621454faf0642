"""The store in the configured database, SQLite or PostgreSQL.

A batch is one transaction under the append lock: known ids are sorted out, positions are given densely in order, rows
and projections are written, or nothing is. Whoever has seen position N never later sees a new row at or below N.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

from django.db import Error, connection, transaction
from django.db.backends.utils import CursorWrapper

from enhancelog import projections, records
from enhancelog.backends import dialect
from enhancelog.errors import Conflict, NotFound, Other
from enhancelog.models import Entry as EntryModel
from enhancelog.origin import Origin
from enhancelog.projections.stored import Stored
from enhancelog.records import Entry
from enhancelog.store.rows import COLUMNS, RECORD_COLUMNS, from_row, to_row
from enhancelog.times import now_ms

BATCH = 1000
"""Entries in one transaction at most; longer ones would keep other writers waiting."""

_READ_BATCH = 500
_IDS_IN_ONE_QUERY = 500


class Outcome(NamedTuple):
    """What became of one entry of a batch; ``digest`` is the stored entry's, ``differs`` names fields (conflict)."""

    result: Literal["created", "identical", "conflict"]
    digest: str
    differs: tuple[str, ...] = ()


class DatabaseEnhanceLogStore:
    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.name = dialect().store_name

    def append(self, entry: Entry) -> str:
        (outcome,) = self.append_batch([entry])
        if outcome.result != "created":
            raise Conflict(entry.issue_id, identical=not outcome.differs, differs=outcome.differs)
        return outcome.digest

    def append_batch(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Append up to ``BATCH`` entries in one transaction; one that is known never fails its neighbours."""
        with faults(), transaction.atomic(), connection.cursor() as cursor:
            dialect().lock_appends(cursor)
            known = _entries_with_ids(entry.issue_id for entry in entries)
            outcomes: list[Outcome] = []
            fresh: list[tuple[Entry, str]] = []
            for entry in entries:
                stored = known.get(entry.issue_id)
                if stored is not None:
                    differs = records.differences(entry, stored)
                    outcomes.append(Outcome("conflict" if differs else "identical", records.digest(stored), differs))
                    continue
                digest = records.digest(entry)
                known[entry.issue_id] = entry
                fresh.append((entry, digest))
                outcomes.append(Outcome("created", digest))
            if fresh:
                self._insert(cursor, fresh)
        return outcomes

    def _insert(self, cursor: CursorWrapper, fresh: Sequence[tuple[Entry, str]]) -> None:
        recorded_ms = now_ms()
        first = last_position() + 1
        rows = [
            to_row(position, entry, recorded_ms, self.origin, digest)
            for position, (entry, digest) in enumerate(fresh, first)
        ]
        dialect().insert_rows(cursor, EntryModel._meta.db_table, COLUMNS, rows)
        stored = [
            Stored(position, recorded_ms, self.origin.source, entry) for position, (entry, _) in enumerate(fresh, first)
        ]
        projections.apply(cursor, stored)

    def get(self, issue_id: str) -> Entry:
        if not records.is_id(issue_id):
            raise NotFound(issue_id)
        with faults():
            row = EntryModel.objects.filter(issue_id=issue_id).values_list(*RECORD_COLUMNS).first()
        if row is None:
            raise NotFound(issue_id)
        return from_row(row)

    def list_by_blueprint(self, blueprint_id: str) -> list[Entry]:
        if not records.is_id(blueprint_id, may_be_empty=True):
            return []
        return self._listed(blueprint_id=blueprint_id)

    def list_all(self) -> list[Entry]:
        return self._listed()

    def _listed(self, **conditions: str) -> list[Entry]:
        rows = EntryModel.objects.filter(**conditions).order_by("ts_ms", "position").values_list(*RECORD_COLUMNS)
        with faults():
            return [from_row(row) for row in rows.iterator(chunk_size=_READ_BATCH)]


def last_position() -> int:
    """The newest entry's position; 0 for an empty log."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(MAX(position), 0) FROM {EntryModel._meta.db_table}")
        return int(cursor.fetchone()[0])


def stored_batches() -> Iterator[list[Stored]]:
    """The whole log in position order, a batch at a time, each in a short read of its own."""
    after = 0
    while True:
        columns = ("position", "recorded_ms", "source", *RECORD_COLUMNS)
        rows = EntryModel.objects.filter(position__gt=after).order_by("position").values_list(*columns)[:BATCH]
        batch = [Stored(row[0], row[1], row[2], from_row(row[3:])) for row in rows]
        if not batch:
            return
        yield batch
        after = batch[-1].position


def rebuild_projections(progress: Callable[[int], None] = lambda done: None) -> int:
    """Derive every projection anew; the number of entries. ``progress`` hears how many are done. Appends wait."""
    done = 0

    def batches() -> Iterator[list[Stored]]:
        nonlocal done
        for batch in stored_batches():
            yield batch
            done += len(batch)
            progress(done)

    with faults(), transaction.atomic(), connection.cursor() as cursor:
        dialect().lock_appends(cursor)
        projections.rebuild(cursor, batches())
    return done


def analyze() -> None:
    """Make the planner's statistics anew; worth its time after a load."""
    with faults(), connection.cursor() as cursor:
        for table in [EntryModel._meta.db_table, *(table._meta.db_table for table in projections.tables())]:
            cursor.execute(f"ANALYZE {table}")


def _entries_with_ids(issue_ids: Iterator[str]) -> dict[str, Entry]:
    wanted = list(dict.fromkeys(issue_ids))
    found: dict[str, Entry] = {}
    for start in range(0, len(wanted), _IDS_IN_ONE_QUERY):
        chunk = wanted[start : start + _IDS_IN_ONE_QUERY]
        rows = EntryModel.objects.filter(issue_id__in=chunk).values_list(*RECORD_COLUMNS)
        found.update((row[0], from_row(row)) for row in rows)
    return found


@contextmanager
def faults() -> Iterator[None]:
    """The database's errors as ours, in one place."""
    try:
        yield
    except Error as error:
        raise Other(f"the database failed: {error}") from error
