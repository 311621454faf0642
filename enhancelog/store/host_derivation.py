"""Derives what hosts' stores say of the log, what patches touch, and what follows from the names of sources."""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect, faults
from enhancelog.domain.times import now_ms
from enhancelog.models import Entry, EntryPatch, HostIssue, HostJoin, HostSource, Patch, Touch, UnfinishedRun
from enhancelog.projections import entry_patches, unfinished_runs
from enhancelog.projections.entry_patches import Moment, Place
from enhancelog.projections.unfinished_runs import Difference
from enhancelog.store import source_derivation, touch_derivation, unfinished_reports
from enhancelog.store.observed import touch

# It follows both sides by position, in short transactions under the append lock. Several processes may try: a step that
# another process has done finds nothing to do.

ENTRIES_AT_ONCE: Final = 1000
PATCHES_AT_ONCE: Final = 250
RUNS_AT_ONCE: Final = 250
# Every append may change the unfinished runs, so a server that derives them for longer than SHORT_S does so for one
# part in REST of its time. What still waits then is derived when it next looks for work.
SHORT_S: Final = 0.02
REST: Final = 10

TABLES: Final[tuple[type[models.Model], ...]] = (
    Patch,
    HostIssue,
    UnfinishedRun,
    *entry_patches.TABLES,
    *touch_derivation.TABLES,
)

_ENTRY: Final = Entry._meta.db_table
_PATCH: Final = Patch._meta.db_table
_JOIN: Final = HostJoin._meta.db_table
_SOURCE: Final = HostSource._meta.db_table

_DONE: Final = f"SELECT entries, patches FROM {_JOIN} WHERE id = 1"
_LAST: Final = f"""
    SELECT (SELECT COALESCE(MAX(position), 0) FROM {_ENTRY}), (SELECT COALESCE(MAX(position), 0) FROM {_PATCH})"""
_NEW_ENTRIES: Final = f"""
    SELECT blueprint_id, ts_ms, issue_id FROM {_ENTRY} WHERE position > %s AND position <= %s"""
_NEW_PATCHES: Final = f"SELECT blueprint_id, ts_ms FROM {_PATCH} WHERE position > %s AND position <= %s"
_WAITING: Final = f"SELECT source FROM {_SOURCE} WHERE derived < changes ORDER BY source"
_CHANGES: Final = f"SELECT changes FROM {_SOURCE} WHERE source = %s"

_rests_until = 0.0


class Progress(NamedTuple):
    """``done``: what is joined. ``sources``: those whose unfinished runs are not derived yet."""

    done: Place
    last: Place
    sources: list[str]

    @property
    def is_done(self) -> bool:
        return self.done == self.last and not self.sources


def settle() -> None:
    """Derive to the end of log, patches and documents. Raises ``Other``."""
    while step():
        pass


def step(*, rests: bool = False) -> bool:
    """Do some of the remaining work of each kind; returns whether there may be more. Raises ``Other``."""
    with faults():
        # Each in its turn, so that none waits for the end of another, which may keep coming. Only unfinished runs wait
        # until all that is there is joined: before that, they would be others.
        is_joined = _join_next()
        has_derived = is_joined is not False and _derive_runs(rests)
        return any([source_derivation.step(), is_joined is not None, has_derived, touch_derivation.step()])


def is_done() -> bool:
    """Raises ``Other``."""
    found = progress()
    has_joined = found is None or found.is_done
    return has_joined and touch_derivation.progress().is_done and source_derivation.is_done()


def progress() -> Progress | None:
    """``None``: nothing of a host was ever imported."""
    with faults(), connection.cursor() as cursor:
        return _progress(cursor)


def counts() -> dict[str, int]:
    """How much is derived of each kind."""
    with faults():
        return {
            "joined patches": EntryPatch.objects.count(),
            "unfinished runs": UnfinishedRun.objects.count(),
            "touched places": Touch.objects.count(),
        }


def analyze() -> None:
    with faults(), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE {table._meta.db_table}")


def _progress(cursor: CursorWrapper) -> Progress | None:
    cursor.execute(_DONE)
    row = cursor.fetchone()
    if row is None:
        return None
    cursor.execute(_LAST)
    last = Place(*cursor.fetchone())
    cursor.execute(_WAITING)
    return Progress(Place(*row), last, [source for (source,) in cursor.fetchall()])


# Whether it came to the end; ``None``: it was there.
def _join_next() -> bool | None:
    found = progress()
    if found is None or found.done == found.last:
        return None
    with dialect().appending() as cursor:
        found = _progress(cursor)
        if found is None or found.done == found.last:
            return True
        done = found.done
        up_to = Place(
            min(done.entries + ENTRIES_AT_ONCE, found.last.entries),
            min(done.patches + PATCHES_AT_ONCE, found.last.patches),
        )
        cursor.execute(_NEW_ENTRIES, [done.entries, up_to.entries])
        entries = cursor.fetchall()
        cursor.execute(_NEW_PATCHES, [done.patches, up_to.patches])
        moments = {Moment(*row) for row in cursor.fetchall()} | {Moment(*row[:2]) for row in entries}
        affected = entry_patches.apply(cursor, sorted(moments), done, up_to)
        issue_ids = [issue_id for *_, issue_id in entries]
        affected.sources.update(_sources_of_issues(issue_ids))
        source_derivation.follow_joins(cursor, affected)
        unfinished_reports.resolve(issue_ids)
        cursor.execute(f"UPDATE {_JOIN} SET entries = %s, patches = %s", list(up_to))
    return up_to == found.last


def _sources_of_issues(issue_ids: list[str]) -> set[str]:
    return set(HostIssue.objects.filter(issue_id__in=issue_ids).values_list("source", flat=True).distinct())


def _derive_runs(rests: bool) -> bool:
    global _rests_until
    found = progress()
    if found is None or not found.sources:
        return False
    began = time.monotonic()
    if rests and began < _rests_until:
        return False
    for source in found.sources:
        _derive(source)
    if (took := time.monotonic() - began) > SHORT_S:
        _rests_until = began + REST * took
    return True


def _derive(source: str) -> None:
    # Deriving takes a second for 100,000 issues, so it does without the lock. Each part that is written is a change
    # too: a process that derived the same meanwhile finds another number, and starts again.
    with connection.cursor() as cursor:
        changes = _changes(cursor, source)
        found = list(unfinished_runs.differences(cursor, source, unfinished_runs.derived(cursor, source).runs))
    for part in _parts(found):
        with dialect().appending() as cursor:
            if _changes(cursor, source) != changes:
                return
            unfinished_runs.write(cursor, source, part, now_ms())
            touch(cursor, [source])
            changes += 1
    with dialect().appending() as cursor:
        cursor.execute(f"UPDATE {_SOURCE} SET derived = changes WHERE source = %s AND changes = %s", [source, changes])


def _parts(found: list[Difference]) -> Iterator[list[Difference]]:
    return (found[start : start + RUNS_AT_ONCE] for start in range(0, len(found), RUNS_AT_ONCE))


def _changes(cursor: CursorWrapper, source: str) -> int:
    cursor.execute(_CHANGES, [source])
    return int(cursor.fetchone()[0])
