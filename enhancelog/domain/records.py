"""The entry record: decode, validate, encode."""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from enhancelog.domain import strict_json
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
_TOKEN_OR_SPACE = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|[ \t\r\n]++', re.DOTALL)
_INDEX = re.compile(r"\[\d+\]")
_NO_POINTER: Final = 'must be a JSON Pointer: empty or starting with "/"'
_MISSING = re.compile("missing required field `([^`]+)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


class Verdict(Struct, frozen=True):
    axis: Id
    status: Judgement
    detail: Text  # the evidence of a pass, or the reason for a denial

    def __post_init__(self) -> None:
        check_id(self.axis, "axis")
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
    # Unset if not recorded. ``ops``: RFC 6902, without white space between tokens.
    ops: Raw | UnsetType = UNSET
    bump: Bump | UnsetType = UNSET

    # So an Entry that exists obeys the rules of ids and texts, however it was made.
    def __post_init__(self) -> None:
        check_id(self.issue_id, "issue_id")
        check_id(self.blueprint_id, "blueprint_id", may_be_empty=True)
        for field in ("prev_hash", "new_hash", "intent", "rationale"):
            strict_json.check_text(getattr(self, field), field)
        if not strict_json.is_clean("".join(self.reasons)):  # one check, as there can be many
            for number, reason in enumerate(self.reasons):
                strict_json.check_text(reason, f"reasons[{number}]")


class Operation(Struct, rename={"source": "from"}):
    op: Operator
    path: str
    source: str | UnsetType = UNSET
    value: Raw | UnsetType = UNSET


FIELDS: Final = Entry.__struct_fields__
CONTRACT_FIELDS: Final = FIELDS[:10]

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


# Saves a query: what cannot be an id is not found.
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
    if len(data) > max_bytes:
        raise TooLarge("", len(data), max_bytes)
    if (canonical := _decode_canonical(data)) is not None:
        return canonical
    value = strict_json.loads(data)
    if not isinstance(value, dict):
        raise Invalid("", "type", "must be a JSON object")
    try:
        entry = _entry_decoder.decode(data)
    except msgspec.ValidationError as error:
        raise as_invalid(error) from None
    return entry if entry.ops is UNSET else msgspec.structs.replace(entry, ops=checked_ops(entry.ops))


def _decode_canonical(data: bytes) -> Entry | None:
    # Canonical JSON cannot have duplicate keys; only escapes and operations need the strict parser. Most clients
    # send this form, and it decodes four times as fast.
    if b"\\u" in data:
        return None
    try:
        entry = _entry_decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return entry if entry.ops is UNSET and encode(entry) == data else None


def from_values(*, max_bytes: int = MAX_ENTRY_BYTES, **values: Any) -> Entry:
    """From plain Python values, validated like a request body."""
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
    """One field as JSON text, as stored and hashed."""
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
    # Upstream cannot carry ``ops`` and ``bump``, so lacking them is not a difference.
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
    return tuple(dict.fromkeys(verdict.axis for verdict in entry.verdicts))


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
    return Raw(_TOKEN_OR_SPACE.sub(rb"\1", data))


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


def as_invalid(error: msgspec.ValidationError, below: str = "") -> Invalid:
    """``below``: the path of what was decoded."""
    text = str(error)
    found = _PLACE.search(text)
    place = found[1] if found else ""
    # An Invalid raised inside a record keeps its rule and text.
    cause = error.__cause__
    if isinstance(cause, Invalid):
        return Invalid(_path(below, place, cause.field), cause.rule, cause.detail)
    text = _PLACE.sub("", text)
    if missing := _MISSING.search(text):
        return Invalid(_path(below, place, missing[1]), "missing", "is missing")
    field = _path(below, place)
    choices = _CHOICES.get(_INDEX.sub("", field))
    if choices and text.startswith("Invalid enum value"):
        return Invalid(field, "choice", f"must be one of {', '.join(choices)}, not {text[19:80]}")
    rule = "type" if text.startswith("Expected `") and "got" in text else "value"
    return Invalid(field, rule, text[0].lower() + text[1:].replace("`", '"'))


def _path(*parts: str) -> str:
    joined = ".".join(part for part in parts if part)
    return joined.replace(".[", "[")
