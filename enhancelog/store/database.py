"""The store in the configured database."""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from enhancelog import projections
from enhancelog.backends import dialect, faults, waiting
from enhancelog.backends.disk import is_of_disk
from enhancelog.domain import records
from enhancelog.domain.errors import Conflict, NotFound, Redacted
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.models import Entry as EntryModel
from enhancelog.observing import metrics
from enhancelog.projections import entry_badges, search_index, source_names
from enhancelog.projections.stored import Stored
from enhancelog.store import group, source_derivation, writing
from enhancelog.store.rows import ENTRIES_PER_READ, RECORD_COLUMNS, STORED_COLUMNS, from_row
from enhancelog.store.writing import APPEND_PATIENCE_S, TRANSIENT, Append, Outcome

# A batch is one transaction under the append lock: known ids are sorted out, positions are assigned densely in order,
# and rows and projections are written together. A reader of position N never later sees a new row at or below N.


class DatabaseEnhanceLogStore:
    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.name = dialect().store_name

    def append(self, entry: Entry) -> str:
        (outcome,) = self.append_batch([entry])
        if outcome.result != "created":
            raise conflict(entry.issue_id, outcome)
        return outcome.digest

    def append_batch(
        self, entries: Sequence[Entry], *, whole: bool = False, patience_s: float = APPEND_PATIENCE_S
    ) -> list[Outcome]:
        """Append up to ``ENTRIES_PER_TRANSACTION`` entries in one transaction; known entries do not affect the others.

        If ``whole``, a conflict stores nothing and new entries are ``skipped``. Raises ``Other`` or ``Full``.
        """
        # A locked or restarting database is retried for ``patience_s``; a failed or full disk is not.
        append = Append(entries, self.origin, whole=whole, patience_s=patience_s)
        with faults():
            if writes_alone():
                _commit(append)
            else:
                group.commit(append)
        metrics.appends(outcome.result for outcome in append.outcomes)
        return append.outcomes

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
            return [from_row(row) for row in rows.iterator(chunk_size=ENTRIES_PER_READ)]


def conflict(issue_id: str, outcome: Outcome) -> Conflict:
    if outcome.result == "redacted":
        return Redacted(issue_id, digest=outcome.digest)
    identical = outcome.result == "identical"
    return Conflict(issue_id, identical=identical, differs=outcome.differs, digest=outcome.digest)


def last_position() -> int:
    with connection.cursor() as cursor:
        return writing.last_position(cursor)


def stored_batches() -> Iterator[list[Stored]]:
    """The log in position order; each batch is a short read."""
    after = 0
    while batch := stored_after(after):
        yield batch
        after = batch[-1].position


def stored_after(position: int) -> list[Stored]:
    entries = EntryModel.objects.filter(position__gt=position).order_by("position")
    return stored(list(entries.values_list(*STORED_COLUMNS)[:ENTRIES_PER_READ]))


def stored(rows: Sequence[Sequence[Any]]) -> list[Stored]:
    """Of rows of ``STORED_COLUMNS``, with the names under which they are derived now."""
    with connection.cursor() as cursor:
        names = source_names.derived(cursor)
    return source_derivation.stored(rows, names)


def rebuild_search() -> None:
    with faults(), dialect().appending() as cursor:
        search_index.clear(cursor)
        for batch in stored_batches():
            search_index.apply(cursor, batch)


def rebuild_badges() -> None:
    """Appends wait."""
    with faults(), dialect().appending() as cursor:
        for batch in stored_batches():
            entry_badges.drop(cursor, batch)
            entry_badges.apply(cursor, batch)


def analyze() -> None:
    with faults(), connection.cursor() as cursor:
        for table in [EntryModel._meta.db_table, *(table._meta.db_table for table in projections.tables())]:
            cursor.execute(f"ANALYZE {table}")
        dialect().search.settle(cursor)


def writes_alone() -> bool:
    # True in the caller's transaction, in the writer thread, and in a command, which has no other appends to join.
    return connection.in_atomic_block or group.is_writer() or not waiting.is_limited()


def _commit(append: Append) -> None:
    tries_again = not connection.in_atomic_block  # a transaction of the caller is never retried
    while True:
        started = time.perf_counter()
        try:
            with dialect().appending(append.left_s) as cursor:
                metrics.append_waited(time.perf_counter() - started)
                writing.write(cursor, [append])
        except TRANSIENT as error:
            if not tries_again or append.left_s <= 0 or is_of_disk(error):
                raise
            connection.close()
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  not a secret
        else:
            return
