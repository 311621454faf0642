"""Verifies digests, envelopes, positions, triggers and projections."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec
from django.db import connection

from enhancelog import projections
from enhancelog.backends import dialect, faults, schema
from enhancelog.backends.schema import State
from enhancelog.domain import envelopes, meta, records
from enhancelog.domain.errors import StoreError
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry as EntryModel
from enhancelog.projections import source_names
from enhancelog.projections.expected import Expected
from enhancelog.projections.source_names import Derived
from enhancelog.projections.stored import Stored
from enhancelog.store import redaction_verification, source_derivation
from enhancelog.store.database import last_position
from enhancelog.store.redaction_verification import Redacted
from enhancelog.store.rows import ENTRIES_PER_READ, RECORD, STORED_COLUMNS, from_row, raw_digest

_BEFORE_ALL: Final = -(2**63)

Row = Sequence[Any]
Progress = Callable[[int], None]


class Part(NamedTuple):
    """``findings`` yields a line per problem, reports how many rows it read, and raises ``Other``."""

    rows: str
    total: Callable[[], int]
    findings: Callable[[Progress], Iterator[str]]


_registered: list[Part] = []


def register(part: Part) -> None:
    _registered.append(part)


def parts() -> list[Part]:
    return [Part("entries", last_position, _findings), *_registered]


def verify() -> Iterator[str]:
    for part in parts():
        yield from part.findings(lambda done: None)


# Memory: one batch of entries and a row per sum. Only the last entries and the sums are read under the append lock.
def _findings(progress: Progress) -> Iterator[str]:
    with faults(), dialect().reading_any_text():
        yield from _differences_of_schema()
        with suppress(StoreError):  # a read-only database stays as it is
            source_derivation.settle()
        walk = _Walk(progress, _names())
        yield from walk.on()
        with dialect().appending():
            yield from walk.on()
            yield from walk.end()
            if _names() != walk.names:
                yield "a source was renamed while the log was verified; verify it again"


def _names() -> Derived:
    with connection.cursor() as cursor:
        return source_names.derived(cursor)


def _differences_of_schema() -> Iterator[str]:
    with connection.cursor() as cursor:
        for name in dialect().missing_triggers(cursor):
            yield f"the trigger {name} is missing or altered; run migrate --skip-checks to restore it"
        for name in dialect().search.missing(cursor):
            yield f"{name} is missing; run migrate --skip-checks to create it"
        if schema.inspect(cursor).state is State.AHEAD:
            return  # a newer release may have created more
        for name in dialect().foreign_objects(cursor):
            yield f"the {name} is none of Enhancelog's: it may change or hide rows; drop it unless it is yours"


class _Columns(msgspec.Struct):
    # SQLite does not enforce the types.
    position: int
    issue_id: str
    blueprint_id: str
    prev_hash: str
    new_hash: str
    intent: str
    rationale: str
    verdicts: str
    status: str
    reasons: str
    ts_ms: int
    ops: str | None
    bump: str | None
    candidate_hash: str | None
    meta: str | None
    recorded_ms: int
    actor_kind: str
    actor_name: str
    source: str
    digest: str
    redacted: str | None
    envelope: str
    salt: str | None


class _Walk:
    def __init__(self, progress: Progress, names: Derived) -> None:
        self._progress = progress
        self.names = names
        self._after = _BEFORE_ALL
        self._done = 0
        self._expected: list[Expected] = projections.expected()

    def on(self) -> Iterator[str]:
        while rows := self._next_rows():
            entries: list[Stored] = []
            redactions = redaction_verification.read(rows[0][0], rows[-1][0])
            for row in rows:
                yield from self._check(row, redactions.pop(row[0], []), entries)
            yield from redaction_verification.without_entry(redactions)
            for expected in self._expected:
                yield from expected.feed(entries, self._after, rows[-1][0])
            self._after = rows[-1][0]
            self._progress(self._done)

    def end(self) -> Iterator[str]:
        yield from redaction_verification.without_entry(redaction_verification.read(self._after + 1, None))
        for expected in self._expected:
            yield from expected.finish()

    def _next_rows(self) -> list[Row]:
        rows = EntryModel.objects.filter(position__gt=self._after).order_by("position")
        return list(rows.values_list(*STORED_COLUMNS)[:ENTRIES_PER_READ])

    def _check(self, row: Row, redactions: list[Redacted], entries: list[Stored]) -> Iterator[str]:
        self._done += 1
        if row[0] != self._done:
            yield f"position {row[0]} where {self._done} was expected: positions are not dense"
            self._done = row[0]
        try:
            stored = msgspec.convert(dict(zip(STORED_COLUMNS, row, strict=True)), _Columns)
            entry = from_row(row[RECORD])
            digest = raw_digest(row[RECORD])
            if stored.meta is not None:
                meta.checked(stored.meta.encode())
            origin = Origin(stored.actor_kind, stored.actor_name, stored.source)
            envelope = envelopes.of_entry(stored.position, stored.digest, stored.recorded_ms, origin)
        except (ValueError, TypeError, AttributeError, msgspec.MsgspecError) as error:
            yield f"the entry at position {row[0]} ({row[1]!r}) cannot be read: {error}"
            return
        name = f"the entry at position {stored.position} ({entry.issue_id})"
        if redactions or stored.redacted is not None:
            found = redaction_verification.findings(stored.redacted, digest, stored.salt, entry, redactions)
            yield from (f"{name} {said}" for said in found)
        elif digest != stored.digest:
            yield f"{name} does not match its digest"
        elif stored.salt is None:
            yield f"{name} has no salt, so nothing proves what it says"
        if envelope != stored.envelope:
            yield f"{name} does not match its envelope (position, digest, recorded_ms, actor, source)"
        kept = redactions[0].kept if redactions else None
        shown_as, denied = self.names.name_at(stored.source, stored.position), records.denials(entry)
        entries.append(Stored(stored.position, stored.recorded_ms, origin, entry, denied, kept=kept, shown_as=shown_as))
