"""Reads an engine host's output store: patches with the documents before and after, and answers that became none."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.domain.observed import Answer, Document, Patch
from enhancelog.domain.records import Bump, EpochMs
from enhancelog.host.documents import MAX_DOCUMENT_BYTES, proven
from enhancelog.transfer.items import Refused, refused
from enhancelog.transfer.sqlite_rows import Row, RowReader, Rows, Table, connected

COLUMNS: Final = ("producer_agent", "event_json", "seq")
TABLE: Final = Table("outputs", COLUMNS, "an output store")
SPAWNER: Final = "patch-spawner"
APPLIER: Final = "patch-applier"
MAX_PATCH_BYTES: Final = MAX_DOCUMENT_BYTES
MAX_ANSWER_BYTES: Final = 1 << 20
_MOST: Final = 2**63 - 1

Output = Patch | Document | Answer

_BUMPS: Final[dict[str, Bump]] = {bump: bump for bump in get_args(Bump)}


class Extent(NamedTuple):
    rows: int
    last: int | None


class _Content(Struct):
    kind: str = ""
    value: Raw | UnsetType = UNSET


class _Event(Struct):
    type: str
    content: Raw = Raw(b"{}")
    ok: bool | UnsetType = UNSET


class _Epoch(Struct):
    blueprint_id: str
    start_version: str
    started_at_ms: EpochMs


class _Applied(Struct):
    epoch_id: _Epoch
    patch: Raw
    prev_hash: str
    prev_bp_yaml: Raw
    new_hash: str
    new_bp_yaml: Raw


class _AppliedPatch(Struct):
    patch: Raw


class _Spawned(Struct):
    ops: Raw
    bump: str | None = None
    rationale: str = ""


_Shape = TypeVar("_Shape")
_sorted = msgspec.json.Encoder(order="sorted")


class Outputs(RowReader[Output]):
    """By ``seq``. Each document comes once. Raises ``Unreadable`` if the file is not an output store."""

    def __init__(self, path: Path, after: int | None = None) -> None:
        super().__init__(_rows(path, (SPAWNER, APPLIER), after))
        self._applied = _applied_digests(path, after)
        self._yielded: set[bytes] = set()

    def _records(self, row: Row) -> Iterator[Output | Refused]:
        event = _decoded(row.text("event_json").encode(), _Event, "event_json")
        if event.type != "final":
            return
        if event.ok is UNSET:
            raise Invalid("event_json.ok", "missing", "is missing")
        if row.values["producer_agent"] == SPAWNER:
            yield from self._answers(row, event)
        elif event.ok is True and (value := _inline(event)) is not None:
            yield from self._applied_rows(row, value)

    def _answers(self, row: Row, event: _Event) -> Iterator[Answer]:
        value = _inline(event)
        if event.ok is True and value is not None and _digest(value) in self._applied:
            return
        yield _answer(row.integer("seq"), event.ok is True, event.content if value is None else value)

    # A fault in one of the three hides neither of the others.
    def _applied_rows(self, row: Row, value: Raw) -> Iterator[Output | Refused]:
        applied = _decoded(bytes(value), _Applied, "value")
        try:
            yield _patch(row.integer("seq"), applied)
        except Invalid as reason:
            yield refused(row.where, reason, bytes(applied.patch).decode())
        for expected, text, field in (
            (applied.prev_hash, applied.prev_bp_yaml, "prev_bp_yaml"),
            (applied.new_hash, applied.new_bp_yaml, "new_bp_yaml"),
        ):
            try:
                document = proven(expected, _decoded(bytes(text), str, field).encode(), field)
            except Invalid as reason:
                yield refused(row.where, reason, bytes(text).decode())
                continue
            key = bytes.fromhex(document.hash)
            if key not in self._yielded:
                self._yielded.add(key)
                yield document


def _rows(path: Path, producers: tuple[str, ...], after: int | None) -> Rows:
    where, values = f"producer_agent IN ({', '.join('?' * len(producers))})", (*producers,)
    if after is None:
        return Rows(path, TABLE, order="seq", where=where, values=values)
    return Rows(path, TABLE, order="seq", where=f"{where} AND seq > ?", values=(*values, after))


def extent(path: Path, up_to: int | None = None) -> Extent:
    """Of all rows, or of those with a ``seq`` of at most ``up_to``. Raises ``Unreadable``."""
    with connected(path) as connection:
        query = f"SELECT COUNT(*), MAX(seq) FROM {TABLE.name} WHERE typeof(seq) = 'integer' AND seq <= ?"  # noqa: S608
        return Extent(*connection.execute(query, [_MOST if up_to is None else up_to]).fetchone())


# Digests, because the texts of 100,000 outputs do not fit into memory.
def _applied_digests(path: Path, after: int | None) -> set[bytes | None]:
    digests: set[bytes | None] = set()
    for row in _rows(path, (APPLIER,), after):
        if isinstance(row, Refused):
            continue
        try:
            event = _decoded(row.text("event_json").encode(), _Event, "event_json")
            value = _inline(event)
            if value is not None:
                digests.add(_digest(_decoded(bytes(value), _AppliedPatch, "value").patch))
        except Invalid:
            continue  # refused when its turn comes
    return digests - {None}


def _inline(event: _Event) -> Raw | None:
    content = _decoded(bytes(event.content), _Content, "content")
    return content.value if content.kind == "inline" and content.value is not UNSET else None


def _patch(seq: int, applied: _Applied) -> Patch:
    try:
        spawned = _spawned(bytes(applied.patch))
    except Invalid as reason:
        raise Invalid(f"patch.{reason.field}".rstrip("."), reason.rule, reason.detail) from None
    epoch = applied.epoch_id
    records.check_id(epoch.blueprint_id, "epoch_id.blueprint_id", may_be_empty=True)
    strict_json.check_text(epoch.start_version, "epoch_id.start_version")
    strict_json.check_text(applied.new_hash, "new_hash")
    return Patch(
        blueprint_id=epoch.blueprint_id,
        prev_hash=epoch.start_version,
        ts_ms=epoch.started_at_ms,
        ops=spawned.ops,
        bump=None if spawned.bump is None else _BUMPS[spawned.bump],
        rationale=spawned.rationale,
        candidate_hash=applied.new_hash,
        seq=seq,
    )


def _answer(seq: int, ok: bool, raw: Raw) -> Answer:
    data = bytes(raw)
    if len(data) > MAX_ANSWER_BYTES:
        raise TooLarge("value", len(data), MAX_ANSWER_BYTES)
    answer = Answer(seq=seq, ok=ok, text=data.decode())
    strict_json.check_text(answer.text, "value")
    if not ok:
        return answer
    try:
        spawned = _spawned(data)
    except Invalid:  # a model may answer anything
        return answer
    return msgspec.structs.replace(answer, ops=spawned.ops, rationale=spawned.rationale)


def _spawned(data: bytes) -> _Spawned:
    if len(data) > MAX_PATCH_BYTES:
        raise TooLarge("", len(data), MAX_PATCH_BYTES)
    strict_json.loads(data)
    spawned = _decoded(data, _Spawned, "")
    if spawned.bump is not None and spawned.bump not in _BUMPS:
        raise Invalid("bump", "choice", f"must be one of {', '.join(_BUMPS)}, not {spawned.bump[:80]!r}")
    return msgspec.structs.replace(spawned, ops=records.checked_ops(spawned.ops))


def _digest(raw: Raw) -> bytes | None:
    try:
        value = _sorted.encode(msgspec.json.decode(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return hashlib.blake2b(value, digest_size=16).digest()


def _decoded(data: bytes, shape: type[_Shape], field: str) -> _Shape:
    try:
        return msgspec.json.decode(data, type=shape)
    except RecursionError:
        raise Invalid(field, "depth", "is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise records.as_invalid(error, field) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid(field, "json", f"is not JSON: {error}") from None
