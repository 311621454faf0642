"""Entries to and from table rows. JSON columns contain the record's own text."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from enhancelog.domain import envelopes, records
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.evidence import leaves

RECORD_COLUMNS: Final = records.FIELDS
# Read by lists and exports
COLUMNS: Final = (
    "position",
    *RECORD_COLUMNS,
    "recorded_ms",
    "actor_kind",
    "actor_name",
    "source",
    "digest",
    "redacted",
)
# Where the record is in a row that begins with ``COLUMNS``
RECORD: Final = slice(COLUMNS.index(RECORD_COLUMNS[0]), COLUMNS.index(RECORD_COLUMNS[-1]) + 1)
RECORDED_MS: Final = COLUMNS.index("recorded_ms")
ORIGIN: Final = slice(RECORDED_MS + 1, RECORDED_MS + 1 + len(Origin._fields))
REDACTED: Final = COLUMNS.index("redacted")
STORED_COLUMNS: Final = (*COLUMNS, "envelope", "salt")

ENTRIES_PER_READ: Final = 1000


class StoredVerdict(msgspec.Struct):
    """A verdict whose rules were checked when it was stored."""

    axis: str
    status: str
    detail: str


# The verdicts of a row, ten times as fast as ``records.decode_verdicts``, which checks every rule again.
decode_verdicts: Final = msgspec.json.Decoder(list[StoredVerdict]).decode

_encode: Final = msgspec.json.Encoder().encode
_reasons = msgspec.json.Decoder(tuple[str, ...])


class RowJson(msgspec.Struct):
    issue_id: str
    blueprint_id: str
    prev_hash: str
    new_hash: str
    intent: str
    rationale: str
    verdicts: Raw
    status: str
    reasons: Raw
    ts_ms: int
    ops: Raw | msgspec.UnsetType = UNSET
    bump: str | msgspec.UnsetType = UNSET
    candidate_hash: str | msgspec.UnsetType = UNSET
    meta: Raw | msgspec.UnsetType = UNSET
    redacted: Raw | msgspec.UnsetType = UNSET  # only where it was


def to_row(
    position: int, entry: Entry, recorded_ms: int, origin: Origin, digest: str, salt: str | None
) -> tuple[Any, ...]:
    """In the order of ``STORED_COLUMNS``."""
    return (
        position,
        entry.issue_id,
        entry.blueprint_id,
        entry.prev_hash,
        entry.new_hash,
        entry.intent,
        entry.rationale,
        records.encode_part(entry.verdicts),
        entry.status,
        records.encode_part(entry.reasons),
        entry.ts_ms,
        None if entry.ops is UNSET else bytes(entry.ops).decode(),
        None if entry.bump is UNSET else entry.bump,
        None if entry.candidate_hash is UNSET else entry.candidate_hash,
        None if entry.meta is UNSET else bytes(entry.meta).decode(),
        recorded_ms,
        *origin,
        digest,
        None,
        envelopes.of_entry(position, digest, recorded_ms, origin),
        salt,
    )


def from_row(row: Sequence[Any]) -> Entry:
    return Entry(
        issue_id=row[0],
        blueprint_id=row[1],
        prev_hash=row[2],
        new_hash=row[3],
        intent=row[4],
        rationale=row[5],
        verdicts=records.decode_verdicts(row[6]),
        status=row[7],
        reasons=_reasons.decode(row[8]),
        ts_ms=row[9],
        ops=UNSET if row[10] is None else Raw(row[10].encode()),
        bump=UNSET if row[11] is None else row[11],
        candidate_hash=UNSET if row[12] is None else row[12],
        meta=UNSET if row[13] is None else Raw(row[13].encode()),
    )


def listed_json(row: Sequence[Any]) -> RowJson:
    """Of a row that begins with ``COLUMNS``."""
    found = json_from_row(row[RECORD])
    if row[REDACTED] is not None:
        found.redacted = Raw(row[REDACTED].encode())
    return found


# What ``records.encode`` of the record returns, without decoding it.
def json_from_row(row: Sequence[Any]) -> RowJson:
    return RowJson(
        issue_id=row[0],
        blueprint_id=row[1],
        prev_hash=row[2],
        new_hash=row[3],
        intent=row[4],
        rationale=row[5],
        verdicts=Raw(row[6].encode()),
        status=row[7],
        reasons=Raw(row[8].encode()),
        ts_ms=row[9],
        ops=UNSET if row[10] is None else Raw(row[10].encode()),
        bump=UNSET if row[11] is None else row[11],
        candidate_hash=UNSET if row[12] is None else row[12],
        meta=UNSET if row[13] is None else Raw(row[13].encode()),
    )


def raw_digest(row: Sequence[Any]) -> str:
    """``records.digest`` over the stored JSON text, so that any other spelling differs."""
    return hashlib.sha256(_encode(json_from_row(row))).hexdigest()


# All that a leaf of the evidence's tree is made of
LEAF_COLUMNS: Final = ("position", *RECORD_COLUMNS, "digest", "envelope", "salt")


def inner_hash(row: Sequence[Any]) -> bytes:
    """What the evidence has of a row of ``LEAF_COLUMNS``. Raises ``ValueError``: it was damaged."""
    *_, digest, envelope, salt = row
    if salt is None:
        return bytes.fromhex(digest)
    return leaves.inner_hash(bytes.fromhex(salt), record_of(row), envelope)


def record_of(row: Sequence[Any]) -> bytes:
    """The canonical JSON of a row of ``LEAF_COLUMNS``."""
    return _encode(json_from_row(row[1:]))
