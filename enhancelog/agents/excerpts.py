"""Excerpts of records that fit into a model's context."""

# A text that is cut ends with the field and the offset at which it continues. Offsets count characters of a text, items
# of a list.

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import UNSET, Raw

from enhancelog.agents.mcp_results import MAX_ANSWER_BYTES, Continued
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.meta_filters import is_meta, key_of
from enhancelog.domain.records import Entry

KNOWN_FIELDS: Final = (
    *records.FIELDS,
    "redacted",
    "position",
    "recorded_ms",
    "actor",
    "source",
    "shown_as",
    "digest",
    "envelope",
    "patterns",
    "observed",
)
ListedField = Literal[
    "issue_id",
    "blueprint_id",
    "prev_hash",
    "new_hash",
    "intent",
    "rationale",
    "verdicts",
    "status",
    "reasons",
    "ts_ms",
    "ops",
    "bump",
    "candidate_hash",
    "meta",
    "denied",
]
LISTED_FIELDS: Final[tuple[ListedField, ...]] = get_args(ListedField)

_IDS: Final = ("issue_id", "blueprint_id", "axis")  # never cut: at most 512 bytes, and useless in part
_LISTS: Final = ("verdicts", "reasons", "ops")
_OBSERVED: Final = "observed."
_OBSERVED_FIELDS: Final = ("ops", "bump", "candidate_hash", "prev_hash", "source")
_PLACE: Final = re.compile(r"(\w+)(?:\[(\d{1,7})\](?:\.(axis|status|detail))?)?", re.ASCII)

Built = TypeVar("Built")
Part = TypeVar("Part", str, list[Any])


class Shape(NamedTuple):
    """The most characters of a text, and items of a list."""

    texts: int
    items: int

    @property
    def half(self) -> "Shape":
        return Shape(max(self.texts // 2, SMALLEST.texts), max(self.items // 2, SMALLEST.items))


LARGEST: Final = Shape(20_000, 320)
LISTED: Final = Shape(300, 20)
SMALLEST: Final = Shape(78, 3)  # a hash stays whole; one entry with every field fits, whatever it contains


class Placed(NamedTuple):
    """A text and the field from which it was taken."""

    field: str
    text: str


class Excerpt:
    """Collects values cut to ``shape``, and where those continue."""

    def __init__(self, shape: Shape, offset: int = 0) -> None:
        self.continued: list[Continued] = []
        self._shape = shape
        self._offset = offset

    def of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {field: self._whole(field, value) for field, value in values.items()}

    def _whole(self, field: str, value: Any) -> Any:
        if isinstance(value, list | tuple):
            kept = self._part(field, list(value), self._shape.items)
            return [self._item(f"{field}[{self._offset + number}]", item) for number, item in enumerate(kept)]
        if isinstance(value, dict):
            kept = self._part(field, list(value), self._shape.items)
            return {key: self._item(f"{field}.{key}", value[key]) for key in kept}
        return self._item(field, value, self._offset)

    def _item(self, field: str, value: Any, offset: int = 0) -> Any:
        match value:
            case Placed():
                return self._item(*value)
            case str() if field.rpartition(".")[2] not in _IDS:
                return self._text(field, value, offset)
            case Raw():
                return self._operation(field, bytes(value), offset)
            case list():
                kept = self._part(field, value, self._shape.items, 0)
                return [self._item(f"{field}[{number}]", item) for number, item in enumerate(kept)]
            case dict():
                return {key: self._item(f"{field}.{key}", item) for key, item in value.items()}
        return value

    def _operation(self, field: str, data: bytes, offset: int) -> Any:
        # As JSON text if it is too long, or if a reader would see other numbers than were written.
        operation = msgspec.json.decode(data)
        text = data.decode()
        if offset or len(text) > self._shape.texts or msgspec.json.encode(operation) != data:
            return self._text(field, text, offset)
        return operation

    def _text(self, field: str, text: str, offset: int) -> str:
        kept = self._part(field, text, self._shape.texts, offset)
        end = offset + len(kept)
        return kept if end == len(text) else f"{kept}… [continued at offset {end} of {field}]"

    def _part(self, field: str, whole: Part, most: int, offset: int | None = None) -> Part:
        begin = self._offset if offset is None else offset
        if begin and begin >= len(whole):
            raise Invalid("offset", "range", f"is {begin}, but {field} ends at {len(whole)}")
        end = begin + most
        if end < len(whole):
            self.continued.append(Continued(field=field, offset=end, length=len(whole)))
        return whole[begin:end]


def fitted(build: Callable[[Shape], Built], shape: Shape = LARGEST) -> Built:
    """What ``build`` makes of the largest shape that ``fits``, or else of the smallest."""
    built = build(shape)
    while not fits(built) and shape != SMALLEST:
        shape = shape.half
        built = build(shape)
    return built


def fits(value: Any) -> bool:
    return len(msgspec.json.encode(value)) <= MAX_ANSWER_BYTES


def known_values(known: Mapping[str, Raw], fields: Sequence[str]) -> dict[str, Any]:
    """The ``fields`` of an entry as the API sends it; each is a name, or a place such as ``verdicts[3].detail``."""
    chosen = fields or [name for name in KNOWN_FIELDS if name in known]
    return {field: _value_at(known, field) for field in chosen}


def listed_values(entry: Entry, fields: Sequence[str]) -> dict[str, Any]:
    values = {"denied": _denied(entry), **{name: getattr(entry, name) for name in records.FIELDS}}
    values["verdicts"] = msgspec.to_builtins(entry.verdicts)
    if entry.ops is not UNSET:
        values["ops"] = msgspec.json.decode(entry.ops, type=list[Raw])
    if entry.meta is not UNSET:
        values["meta"] = msgspec.json.decode(entry.meta)
    return {field: values[field] for field in LISTED_FIELDS if field in fields and values[field] is not UNSET}


def _denied(entry: Entry) -> dict[str, Placed]:
    found: dict[str, Placed] = {}
    for number, verdict in enumerate(entry.verdicts):
        if verdict.status == "deny":
            found.setdefault(verdict.axis, Placed(f"verdicts[{number}].detail", verdict.detail))
    return found


def _value_at(known: Mapping[str, Raw], field: str) -> Any:
    if is_meta(field):
        return msgspec.json.decode(known.get("meta", b"{}")).get(key_of(field))
    if field == "observed":
        observed = _observed(known)
        return {name: _value(observed, name) for name in _OBSERVED_FIELDS if name in observed} or None
    if field.startswith(_OBSERVED):
        return _value_of(_observed(known), field, field.removeprefix(_OBSERVED), _OBSERVED_FIELDS)
    return _value_of(known, field, field, KNOWN_FIELDS)


def _value_of(known: Mapping[str, Raw], field: str, place: str, names: Sequence[str]) -> Any:
    found = _PLACE.fullmatch(place)
    name, index, member = found.groups() if found else (place, None, None)
    if name not in names or (index and name not in _LISTS) or (member and name != "verdicts"):
        fields = ", ".join(KNOWN_FIELDS)
        raise Invalid("fields", "choice", f'contains the unknown field "{field[:60]}"; known: {fields}')
    value = _value(known, name)
    if index is None or value is None:
        return value
    if int(index) >= len(value):
        raise Invalid("fields", "range", f"names {field}, but {name} has {len(value):,} items, counted from 0")
    return value[int(index)][member] if member else value[int(index)]


def _value(known: Mapping[str, Raw], name: str) -> Any:
    """``None`` if the entry does not carry it."""
    data = known.get(name, b"null")
    return msgspec.json.decode(data, type=list[Raw] | None if name == "ops" else Any)


def _observed(known: Mapping[str, Raw]) -> dict[str, Raw]:
    # An older server does not send it.
    return msgspec.json.decode(known.get("observed", b"null"), type=dict[str, Raw] | None) or {}
