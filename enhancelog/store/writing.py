"""Writes appends in one transaction under the caller's append lock."""

import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from django.db import InterfaceError, OperationalError, transaction
from django.db.backends.utils import CursorWrapper
from msgspec import UNSET

from enhancelog import projections
from enhancelog.backends import dialect
from enhancelog.domain import records, redacted_copies, same_candidates
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.times import now_ms
from enhancelog.evidence import leaves
from enhancelog.models import Entry as EntryModel
from enhancelog.projections import patterns, search_index, source_names, waking
from enhancelog.projections.stored import Stored
from enhancelog.store.rows import RECORD_COLUMNS, STORED_COLUMNS, from_row, to_row

# More would block other writers for too long.
ENTRIES_PER_TRANSACTION: Final = 1000

# How long an append waits for the lock and is retried, all together.
APPEND_PATIENCE_S = 5.0

# Locked, restarting, connection lost, deadlock: a retry may succeed unless the disk is at fault.
TRANSIENT: Final = (OperationalError, InterfaceError)

_TABLE: Final = EntryModel._meta.db_table
_LAST: Final = f"SELECT COALESCE(MAX(position), 0) FROM {_TABLE}"
_LAST_AND_RENAMED: Final = f"SELECT ({_LAST}), EXISTS (SELECT 1 FROM {source_names.PROGRESS})"


class Outcome(NamedTuple):
    """``digest`` is the stored entry's; ``differs``: the fields in conflict. ``redacted``: the stored entry was, so
    nothing was compared. ``shown``: what may be shown of the entry in conflict.
    """

    result: Literal["created", "identical", "conflict", "skipped", "redacted"]
    digest: str
    differs: tuple[str, ...] = ()
    shown: Entry | None = None

    @property
    def is_new(self) -> bool:
        return self.result == "created"


class Place(NamedTuple):
    issue_id: str
    position: int
    recorded_ms: int


class Given(NamedTuple):
    """An entry with everything derived from it and its source alone, computed without the lock."""

    entry: Entry
    digest: str
    denied: Mapping[str, str]
    templates: Sequence[str]
    words: str
    candidate_keys: same_candidates.Keys


def _given(entry: Entry, source: str) -> Given:
    denied = records.denials(entry)
    keys = same_candidates.keys(entry, source)
    return Given(entry, records.digest(entry), denied, patterns.templates(denied), search_index.words(entry), keys)


class Append:
    # A COMMIT can succeed although its reply is lost. The retry holds the append lock, which the first attempt kept
    # until its end, so it sees for certain whether the ``written`` places exist.
    def __init__(
        self, entries: Sequence[Entry], origin: Origin, *, whole: bool = False, patience_s: float = APPEND_PATIENCE_S
    ) -> None:
        self.entries = [_given(entry, origin.source) for entry in entries]
        self.origin = origin
        self.whole = whole
        self.outcomes: list[Outcome] = []
        self.written: set[Place] = set()
        self._deadline = time.monotonic() + patience_s

    @property
    def left_s(self) -> float:
        return self._deadline - time.monotonic()


class _Known(NamedTuple):
    """``digest``: of an entry that was redacted."""

    entry: Entry
    place: Place | None
    digest: str | None = None


def write(cursor: CursorWrapper, appends: Sequence[Append]) -> None:
    """Write the new entries; ``outcomes`` are valid once the transaction commits."""
    known = _known(cursor, [entry.issue_id for append in appends for entry, *_ in append.entries])
    fresh = [found for append in appends for found in _sorted_out(append, known)]
    if fresh:
        _insert(cursor, fresh)


def last_position(cursor: CursorWrapper) -> int:
    """0 for an empty log."""
    cursor.execute(_LAST)
    return int(cursor.fetchone()[0])


_Fresh = tuple[Append, Given]


def _sorted_out(append: Append, known: dict[str, _Known]) -> Sequence[_Fresh]:
    # Classifies each entry as created, identical or conflict; returns the new ones.
    append.outcomes = []
    fresh: list[_Fresh] = []
    for given in append.entries:
        entry, digest, *_ = given
        stored = known.get(entry.issue_id)
        if stored is None:
            known[entry.issue_id] = _Known(entry, None)
            fresh.append((append, given))
            append.outcomes.append(Outcome("created", digest))
        elif stored.place in append.written and stored.entry == entry:
            known[entry.issue_id] = _Known(entry, None)  # a duplicate in the batch is not this attempt's
            append.outcomes.append(Outcome("created", digest))
        elif stored.digest is not None:
            append.outcomes.append(Outcome("redacted", stored.digest))
        else:
            append.outcomes.append(_compared(entry, stored.entry))
    if append.whole and any(outcome.result == "conflict" for outcome in append.outcomes):
        append.outcomes = [
            outcome._replace(result="skipped") if outcome.is_new else outcome for outcome in append.outcomes
        ]
        return ()
    return fresh


def _compared(entry: Entry, stored: Entry) -> Outcome:
    digest = records.digest(stored)
    differs = records.differences(entry, stored)
    if not differs:
        return Outcome("identical", digest)
    shown = redacted_copies.masked(entry, stored)
    left = records.differences(shown, stored)
    if not left and redacted_copies.says_so(stored):
        return Outcome("redacted", digest)
    return Outcome("conflict", digest, left or differs, shown)


def _known(cursor: CursorWrapper, issue_ids: Sequence[str]) -> dict[str, _Known]:
    condition, parameter = dialect().one_of("issue_id", issue_ids)
    columns = ", ".join(("position", "recorded_ms", "digest", "redacted", *RECORD_COLUMNS))
    known: dict[str, _Known] = {}
    statement = f"SELECT {columns} FROM {_TABLE} WHERE {condition}"
    for position, recorded_ms, digest, redacted, *record in dialect().fetch(cursor, statement, [parameter]):
        place = Place(record[0], position, recorded_ms)
        known[record[0]] = _Known(from_row(record), place, None if redacted is None else digest)
    return known


def _insert(cursor: CursorWrapper, fresh: Sequence[_Fresh]) -> None:
    recorded_ms = now_ms()
    cursor.execute(_LAST_AND_RENAMED)
    last, has_names = cursor.fetchone()
    names = source_names.derived(cursor).names if has_names else source_names.NONE
    rows, stored = [], []
    salts = leaves.new_salts(len(fresh))
    for position, ((append, given), salt) in enumerate(zip(fresh, salts, strict=True), last + 1):
        rows.append(to_row(position, given.entry, recorded_ms, append.origin, given.digest, salt.hex()))
        about = given.entry, given.denied, given.templates, given.words, given.candidate_keys
        new, name = Stored(position, recorded_ms, append.origin, *about), names.shown(append.origin.source)
        is_renamed = name != append.origin.source
        stored.append(new._replace(candidate_keys=None, shown_as=name) if is_renamed else new)
    dialect().insert_rows(cursor, _TABLE, STORED_COLUMNS, rows)
    projections.apply(cursor, stored)
    transaction.on_commit(waking.alerts_wait.set)
    transaction.on_commit(waking.evidence_waits.set)
    if any(given.entry.ops is not UNSET for _, given in fresh):
        transaction.on_commit(waking.work_waits.set)  # to derive what they touch
    for (append, given), (position, *_) in zip(fresh, stored, strict=True):
        append.written.add(Place(given.entry.issue_id, position, recorded_ms))
