"""Markers: something changed at a time. Limits of what people and programs say about one, and ids of derived ones."""

from hashlib import sha256
from typing import Annotated, Final, Literal, TypeVar, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from enhancelog.domain import strict_json
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import TEXT_SCHEMA, EpochMs, Id, IdOrEmpty, check_id
from enhancelog.domain.times import EARLIEST_MS, is_plausible

MarkerKind = Literal[
    "axis_started", "axis_stopped", "wording", "settings", "spawner", "host_version", "pattern_fixed", "manual"
]
KINDS: Final = get_args(MarkerKind)
FROM_LOG: Final = "log"  # the source of what is derived

MAX_TITLE: Final = 200  # characters
MAX_NOTE: Final = 4_000
MAX_BYTES: Final = 64 << 10  # of JSON

_Read = TypeVar("_Read")

Title = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_TITLE})]
Note = Annotated[str, Meta(extra_json_schema={**TEXT_SCHEMA, "maxLength": MAX_NOTE})]


class Marker(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`blueprint_id` and `axis`: what it concerns; without them, all. `source`: `log` if derived, the host, or who set
    it."""

    id: str
    ts_ms: int
    kind: MarkerKind
    title: str
    note: str
    blueprint_id: str | None = None
    axis: str | None = None
    source: str
    hidden: bool = False

    def concerns(self, blueprint_id: str | None, axis: str | None) -> bool:
        """What is limited to this Blueprint and this axis (``None``: to none)."""
        of_blueprint = None in (self.blueprint_id, blueprint_id) or self.blueprint_id == blueprint_id
        return of_blueprint and (None in (self.axis, axis) or self.axis == axis)


class NewMarker(Struct, frozen=True, kw_only=True):
    """`ts_ms`: now unless given."""

    title: Title
    note: Note = ""
    ts_ms: EpochMs | None = None
    blueprint_id: IdOrEmpty | None = None
    axis: Id | None = None


class MarkerEdit(Struct, frozen=True, kw_only=True):
    """What is left out stays. `hidden` alone can be changed of markers that nobody set by hand."""

    title: Title | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    ts_ms: EpochMs | UnsetType = UNSET
    blueprint_id: IdOrEmpty | UnsetType | None = UNSET
    axis: Id | UnsetType | None = UNSET
    hidden: bool | UnsetType = UNSET

    @property
    def texts(self) -> dict[str, str | int | None]:
        """What changes of the marker itself."""
        given = msgspec.structs.asdict(self)
        return {name: value for name, value in given.items() if name != "hidden" and value is not UNSET}


_new = msgspec.json.Decoder(NewMarker)
_edit = msgspec.json.Decoder(MarkerEdit)


def decode_new(data: bytes, now_ms: int) -> NewMarker:
    """Drops unknown fields. Raises ``Invalid``."""
    found = _decoded(_new, data)
    check(now_ms, **msgspec.structs.asdict(found))
    return found


def decode_edit(data: bytes, now_ms: int) -> MarkerEdit:
    """Drops unknown fields. Raises ``Invalid``."""
    found = _decoded(_edit, data)
    check(now_ms, **found.texts)
    return found


def check(now_ms: int, **given: str | int | None) -> None:
    """Fields of a marker. Raises ``Invalid``."""
    for field, value in given.items():
        if field == "ts_ms":
            if isinstance(value, int) and not is_plausible(value, now_ms):
                raise Invalid(
                    field, "range", f"must be between {EARLIEST_MS} (the year 2000) and tomorrow, in epoch ms"
                )
        elif isinstance(value, str):
            _check_text(field, value)


def _check_text(field: str, value: str) -> None:
    strict_json.check_text(value, field)
    if field == "title" and (not 1 <= len(value) <= MAX_TITLE or value != value.strip() or not value.isprintable()):
        raise Invalid(field, "length", f"must be one line of 1 to {MAX_TITLE} characters, with no space at either end")
    if field == "note" and len(value) > MAX_NOTE:
        raise Invalid(field, "size", f"has {len(value):,} characters, the limit is {MAX_NOTE:,}")
    if field in ("blueprint_id", "axis"):
        check_id(value, field, may_be_empty=field == "blueprint_id")


def derived_id(*parts: object) -> str:
    """16 hex digits that depend on these alone."""
    return sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def _decoded(decoder: msgspec.json.Decoder[_Read], data: bytes) -> _Read:
    if not isinstance(strict_json.loads(data), dict):
        raise Invalid("", "type", "must be a JSON object")
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise named(error, {}) from None
