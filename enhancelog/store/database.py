"""The store in the configured database, SQLite or PostgreSQL.

A batch is one transaction under the append lock: known ids are sorted out, positions are given densely in order, rows
and projections are written, or nothing is. Whoever has seen position N never later sees a new row at or below N.
"""

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from django.db import InterfaceError, OperationalError, connection
from django.db.backends.utils import CursorWrapper

from enhancelog import metrics, projections, records
from enhancelog.backends import dialect, faults
from enhancelog.errors import Conflict, NotFound
from enhancelog.models import Entry as EntryModel
from enhancelog.origin import Origin
from enhancelog.projections.stored import Stored
from enhancelog.records import Entry
from enhancelog.store.rows import COLUMNS, RECORD_COLUMNS, from_row, to_row
from enhancelog.times import now_ms

BATCH = 1000
"""Entries in one transaction at most; longer ones would keep other writers waiting."""

PATIENCE_S = 5.0
"""How long an append goes on trying."""

TRANSIENT = (OperationalError, InterfaceError)
"""Locked, restarting, connection lost, deadlock: another attempt may succeed."""

_READ_BATCH = 500
_IDS_IN_ONE_QUERY = 500


class Outcome(NamedTuple):
    """What became of one entry of a batch; ``digest`` is the stored entry's, ``differs`` names fields (conflict)."""

    result: Literal["created", "identical", "conflict", "skipped"]
    digest: str
    differs: tuple[str, ...] = ()

    @property
    def is_new(self) -> bool:
        return self.result == "created"


class Attempts:
    """How long an append has been trying, and what it may have written already.

    An attempt whose COMMIT was sent may have succeeded although its answer never came. The next one holds the append
    lock, which the first gave back only at its end, so it sees for certain whether what was written is there.
    """

    def __init__(self) -> None:
        self._deadline = time.monotonic() + PATIENCE_S
        self._retries = not connection.in_atomic_block
        self.written: set[tuple[str, int, int]] = set()  # (issue_id, position, recorded_ms)

    def left_s(self) -> float:
        return max(0.1, self._deadline - time.monotonic())

    def may_go_on(self) -> bool:
        """Wait a little on a fresh connection; no when the time is up or a transaction around this one is lost."""
        if not self._retries or time.monotonic() >= self._deadline:
            return False
        connection.close()
        time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  no secret
        return True


class DatabaseEnhanceLogStore:
    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.name = dialect().store_name

    def append(self, entry: Entry) -> str:
        (outcome,) = self.append_batch([entry])
        if outcome.result != "created":
            identical = outcome.result == "identical"
            raise Conflict(entry.issue_id, identical=identical, differs=outcome.differs, digest=outcome.digest)
        return outcome.digest

    def append_batch(self, entries: Sequence[Entry], *, whole: bool = False) -> list[Outcome]:
        """Append up to ``BATCH`` entries in one transaction; one that is known never fails its neighbours.

        With ``whole`` a conflict stores nothing at all: what would have been created is ``skipped``. A database that is
        locked or restarting is tried again for ``PATIENCE_S``. Raises ``Other``.
        """
        attempts = Attempts()
        with faults():
            while True:
                try:
                    outcomes = self._attempt(entries, whole, attempts)
                except TRANSIENT:
                    if not attempts.may_go_on():
                        raise
                else:
                    metrics.appends(outcome.result for outcome in outcomes)
                    return outcomes

    def _attempt(self, entries: Sequence[Entry], whole: bool, attempts: "Attempts") -> list[Outcome]:
        started = time.perf_counter()
        with dialect().appending(attempts.left_s()) as cursor:
            metrics.append_waited(time.perf_counter() - started)
            outcomes, fresh = _sorted_out(entries, attempts)
            if whole and any(outcome.result == "conflict" for outcome in outcomes):
                return [outcome._replace(result="skipped") if outcome.is_new else outcome for outcome in outcomes]
            if fresh:
                self._insert(cursor, fresh, attempts)
        return outcomes

    def _insert(self, cursor: CursorWrapper, fresh: Mapping[str, Entry], attempts: "Attempts") -> None:
        recorded_ms = now_ms()
        placed = list(enumerate(fresh.items(), last_position() + 1))
        rows = [to_row(position, entry, recorded_ms, self.origin, digest) for position, (digest, entry) in placed]
        dialect().insert_rows(cursor, EntryModel._meta.db_table, COLUMNS, rows)
        source = self.origin.source
        projections.apply(cursor, [Stored(position, recorded_ms, source, entry) for position, (_, entry) in placed])
        attempts.written.update((entry.issue_id, position, recorded_ms) for position, (_, entry) in placed)

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
    while batch := stored_after(after):
        yield batch
        after = batch[-1].position


def stored_after(position: int) -> list[Stored]:
    """The next ``BATCH`` entries of the log after this position."""
    columns = ("position", "recorded_ms", "source", *RECORD_COLUMNS)
    rows = EntryModel.objects.filter(position__gt=position).order_by("position").values_list(*columns)[:BATCH]
    return [Stored(row[0], row[1], row[2], from_row(row[3:])) for row in rows]


def rebuild_projections(progress: Callable[[int], None] = lambda done: None) -> int:
    """Derive every projection anew; the number of entries. ``progress`` hears how many are done. Appends wait."""
    done = 0

    def batches() -> Iterator[list[Stored]]:
        nonlocal done
        for batch in stored_batches():
            yield batch
            done += len(batch)
            progress(done)

    with faults(), dialect().appending() as cursor:
        projections.rebuild(cursor, batches())
    return done


def analyze() -> None:
    """Make the planner's statistics anew; worth its time after a load."""
    with faults(), connection.cursor() as cursor:
        for table in [EntryModel._meta.db_table, *(table._meta.db_table for table in projections.tables())]:
            cursor.execute(f"ANALYZE {table}")


def _sorted_out(entries: Sequence[Entry], attempts: Attempts) -> tuple[list[Outcome], dict[str, Entry]]:
    """What becomes of each entry, and those to insert by their digest."""
    known = _known((entry.issue_id for entry in entries), attempts.written)
    outcomes: list[Outcome] = []
    fresh: dict[str, Entry] = {}
    for entry in entries:
        stored, is_ours = known.get(entry.issue_id, (None, False))
        digest = records.digest(entry)
        if stored is None:
            known[entry.issue_id] = (entry, False)
            fresh[digest] = entry
            outcomes.append(Outcome("created", digest))
        elif is_ours and stored == entry:
            known[entry.issue_id] = (stored, False)  # a second one in the batch is none of this attempt's
            outcomes.append(Outcome("created", digest))
        else:
            differs = records.differences(entry, stored)
            outcomes.append(Outcome("conflict" if differs else "identical", records.digest(stored), differs))
    return outcomes, fresh


def _known(issue_ids: Iterable[str], written: Collection[tuple[str, int, int]]) -> dict[str, tuple[Entry, bool]]:
    """What is stored under these ids, and whether an earlier attempt wrote it."""
    wanted = list(dict.fromkeys(issue_ids))
    found: dict[str, tuple[Entry, bool]] = {}
    for start in range(0, len(wanted), _IDS_IN_ONE_QUERY):
        chunk = wanted[start : start + _IDS_IN_ONE_QUERY]
        rows = EntryModel.objects.filter(issue_id__in=chunk).values_list("position", "recorded_ms", *RECORD_COLUMNS)
        for position, recorded_ms, *record in rows:
            found[record[0]] = from_row(record), (record[0], position, recorded_ms) in written
    return found
