"""The entry record: decode, validate, encode."""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from enhancelog.domain import meta, strict_json
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid, TooLarge

MAX_ENTRY_BYTES: Final = 1 << 20
MAX_ID_BYTES: Final = 512

Status = Literal["applied", "rejected"]
Judgement = Literal["pass", "deny"]
Bump = Literal["major", "minor", "patch"]
Operator = Literal["add", "remove", "replace", "move", "copy", "test"]
EpochMs = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]

ID_SCHEMA: Final = {
    "description": "1 to 512 bytes of UTF-8, no control characters, not . or ..",
    "minLength": 1,
    "maxLength": MAX_ID_BYTES,
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    "not": {"enum": [".", ".."]},
}
TEXT_SCHEMA: Final = {"pattern": "^[^\\u0000]*$"}

# JSON Schema's words for what ``check_id`` and ``check_text`` enforce; msgspec itself does not look at them.
Id = Annotated[str, Meta(extra_json_schema=ID_SCHEMA)]
IdOrEmpty = Annotated[str, Meta(extra_json_schema={**ID_SCHEMA, "minLength": 0})]
Text = Annotated[str, Meta(extra_json_schema=TEXT_SCHEMA)]

_CONTROL = re.compile("[\u0000-\u001f\u007f-\u009f]")
_NO_POINTER: Final = 'must be a JSON Pointer: empty or starting with "/"'


class Verdict(Struct, frozen=True):
    axis: Id
    status: Judgement
    detail: Text  # the evidence of a pass, or the reason for a denial

    def __post_init__(self) -> None:
        _check_axis(self.axis)
        if "\0" in self.detail or not self.detail.isascii():
            strict_json.check_text(self.detail, "detail")


class Entry(Struct, frozen=True, kw_only=True):
    """``ts_ms``: the start by the caller's clock, in epoch ms."""

    issue_id: Id
    blueprint_id: IdOrEmpty
    prev_hash: Text
    new_hash: Text
    intent: Text
    rationale: Text
    verdicts: tuple[Verdict, ...]
    status: Status
    reasons: tuple[Text, ...]
    ts_ms: EpochMs
    # Unset if not recorded. ``ops``: RFC 6902; ``meta``: a flat object; both without white space between tokens.
    # ``candidate_hash``: of the document that the patch would have made.
    ops: Raw | UnsetType = UNSET
    bump: Bump | UnsetType = UNSET
    candidate_hash: Text | UnsetType = UNSET
    meta: Raw | UnsetType = UNSET

    # So an Entry that exists obeys the rules of ids and texts, however it was made.
    def __post_init__(self) -> None:
        check_id(self.issue_id, "issue_id")
        check_id(self.blueprint_id, "blueprint_id", may_be_empty=True)
        # One check, as there can be many reasons.
        if not strict_json.is_clean(
            "".join((self.prev_hash, self.new_hash, self.intent, self.rationale, *self.reasons))
        ):
            for field in ("prev_hash", "new_hash", "intent", "rationale"):
                strict_json.check_text(getattr(self, field), field)
            for number, reason in enumerate(self.reasons):
                strict_json.check_text(reason, f"reasons[{number}]")
        if self.candidate_hash is not UNSET:
            strict_json.check_text(self.candidate_hash, "candidate_hash")


class Operation(Struct, rename={"source": "from"}):
    op: Operator
    path: str
    source: str | UnsetType = UNSET
    value: Raw | UnsetType = UNSET


FIELDS: Final = Entry.__struct_fields__
CONTRACT_FIELDS: Final = FIELDS[:10]

# Another host may use these names for something else.
_DROPPED_IF_ODD: Final = ("candidate_hash", "meta")

_CHOICES: Final = {
    "status": get_args(Status),
    "verdicts.status": get_args(Judgement),
    "bump": get_args(Bump),
    "ops.op": get_args(Operator),
}

_entry_decoder = msgspec.json.Decoder(Entry)
_verdicts_decoder = msgspec.json.Decoder(tuple[Verdict, ...])
_texts_decoder = msgspec.json.Decoder(tuple[str, ...])
_operations_decoder = msgspec.json.Decoder(list[Operation])
_members_decoder = msgspec.json.Decoder(dict[str, Raw])
_encoder = msgspec.json.Encoder()


def check_id(value: str, field: str, *, may_be_empty: bool = False) -> None:
    """Rules of CONTRACT section 2; raises ``Invalid``."""
    if not value and may_be_empty:
        return
    if value.isascii() and value.isprintable() and 1 <= len(value) <= MAX_ID_BYTES and value not in (".", ".."):
        return  # the common case
    strict_json.check_text(value, field)
    size = len(value.encode())
    if not 1 <= size <= MAX_ID_BYTES:
        raise Invalid(field, "id-length", f"has {size:,} bytes; an id has 1 to {MAX_ID_BYTES}")
    if value in (".", "..") or _CONTROL.search(value):
        raise Invalid(field, "id", 'must not be "." or "..", nor contain control characters')


@lru_cache(maxsize=1024)
def _check_axis(axis: str) -> None:
    check_id(axis, "axis")  # remembered, because verifiers repeat themselves


# Saves a query: no entry has an impossible id.
def is_id(value: str, *, may_be_empty: bool = False) -> bool:
    try:
        check_id(value, "id", may_be_empty=may_be_empty)
    except Invalid:
        return False
    return True


def only_ids(values: Iterable[str], *, may_be_empty: bool = False) -> list[str]:
    return [value for value in values if is_id(value, may_be_empty=may_be_empty)]


def decode(data: bytes, *, max_bytes: int = MAX_ENTRY_BYTES) -> Entry:
    """Drops unknown fields. Raises ``TooLarge`` or ``Invalid``."""
    return _decode_canonical(data, max_bytes) or _decode_strict(_strict_json(data))


def decode_imported(data: bytes, *, max_bytes: int = MAX_ENTRY_BYTES) -> tuple[Entry, tuple[Invalid, ...]]:
    """Also without ``candidate_hash`` and ``meta`` of another shape, and why."""
    if (canonical := _decode_canonical(data, max_bytes)) is not None:
        return canonical, ()
    data = _strict_json(data)
    dropped: list[Invalid] = []
    while True:
        try:
            return _decode_strict(data), tuple(dropped)
        except Invalid as reason:
            name = reason.field.partition(".")[0]
            if name not in _DROPPED_IF_ODD:
                raise
            dropped.append(reason)
            members = _members_decoder.decode(data)
            data = _encoder.encode({field: raw for field, raw in members.items() if field != name})


def _decode_canonical(data: bytes, max_bytes: int) -> Entry | None:
    # Canonical JSON cannot have duplicate keys; only escapes, operations and meta need the strict parser. Most clients
    # send this form, and it decodes four times as fast.
    if len(data) > max_bytes:
        raise TooLarge("", len(data), max_bytes)
    if b"\\u" in data:
        return None
    try:
        entry = _entry_decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return entry if entry.ops is UNSET and entry.meta is UNSET and encode(entry) == data else None


def _strict_json(data: bytes) -> bytes:
    if not isinstance(strict_json.loads(data), dict):
        raise Invalid("", "type", "must be a JSON object")
    return data


def _decode_strict(data: bytes) -> Entry:
    try:
        entry = _entry_decoder.decode(data)
    except msgspec.ValidationError as error:
        raise as_invalid(error) from None
    if entry.ops is not UNSET:
        entry = msgspec.structs.replace(entry, ops=checked_ops(entry.ops))
    if entry.meta is not UNSET:
        entry = msgspec.structs.replace(entry, meta=Raw(meta.checked(bytes(entry.meta))))
    return entry


def from_values(*, max_bytes: int = MAX_ENTRY_BYTES, **values: Any) -> Entry:
    """Validated like a request body."""
    try:
        return decode(_encoder.encode(values), max_bytes=max_bytes)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, Invalid):
            raise
        raise Invalid("", "type", f"cannot be written as JSON: {error}") from None


def encode(entry: Entry) -> bytes:
    """The canonical form: contract key order, no white space."""
    return _encoder.encode(entry)


def encode_part(value: Any) -> str:
    """JSON text, as stored and hashed."""
    return _encoder.encode(value).decode()


def decode_verdicts(text: str) -> tuple[Verdict, ...]:
    return _verdicts_decoder.decode(text)


def decode_texts(text: str) -> tuple[str, ...]:
    return _texts_decoder.decode(text)


def digest(entry: Entry) -> str:
    """SHA-256 of the canonical form, 64 lowercase hex digits."""
    return hashlib.sha256(encode(entry)).hexdigest()


def differences(sent: Entry, stored: Entry) -> tuple[str, ...]:
    """The fields in which ``sent`` conflicts with ``stored``."""
    # An engine host's log cannot carry the optional fields, so lacking them is not a difference.
    return tuple(
        field
        for field in FIELDS
        if not _are_equal(getattr(sent, field), getattr(stored, field))
        and (field in CONTRACT_FIELDS or getattr(sent, field) is not UNSET)
    )


def _are_equal(sent: Any, stored: Any) -> bool:
    if isinstance(sent, Raw) and isinstance(stored, Raw):
        return strict_json.are_equal(bytes(sent), bytes(stored))
    return bool(sent == stored)


def denials(entry: Entry) -> dict[str, str]:
    """Axis to reason, in axis order; an axis's first denial counts."""
    return denied(entry.verdicts)


def denied(verdicts: Iterable[Verdict]) -> dict[str, str]:
    found: dict[str, str] = {}
    for verdict in verdicts:
        if verdict.status == "deny":
            found.setdefault(verdict.axis, verdict.detail)
    return found


def judged_axes(entry: Entry) -> tuple[str, ...]:
    return tuple(dict.fromkeys([verdict.axis for verdict in entry.verdicts]))


def as_invalid(error: msgspec.ValidationError, below: str = "") -> Invalid:
    """``below``: the field that was decoded."""
    return named(error, _CHOICES, below)


def checked_ops(raw: Raw) -> Raw:
    """From strict JSON. Raises ``Invalid`` if it is not RFC 6902."""
    data = bytes(raw)
    try:
        operations = _operations_decoder.decode(data)
    except msgspec.ValidationError as error:
        raise as_invalid(error, "ops") from None
    for number, operation in enumerate(operations):
        if fault := _fault(operation):
            field, *why = fault
            raise Invalid(f"ops[{number}].{field}", *why)
    return Raw(strict_json.compact(data))


def _fault(operation: Operation) -> tuple[str, str, str] | None:
    needs_source = operation.op in ("move", "copy")
    if needs_source and operation.source is UNSET:
        return "from", "missing", f"is missing; {operation.op} requires it"
    if operation.op in ("add", "replace", "test") and operation.value is UNSET:
        return "value", "missing", f"is missing; {operation.op} requires it"
    if not _is_pointer(operation.path):
        return "path", "pointer", _NO_POINTER
    if needs_source and not _is_pointer(str(operation.source)):
        return "from", "pointer", _NO_POINTER
    return None


def _is_pointer(text: str) -> bool:
    return not text or text[0] == "/"
