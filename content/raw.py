"""Raw maps: one JSON object from raw key to text, the format of other tools. Invalid entries never stop the rest."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from content.kinds import KINDS, Key, from_raw_key, raw_key
from enhancelog.domain.errors import Invalid

PIECE_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class Refused:
    key: str
    value: Any
    error: Invalid

    @property
    def shown(self) -> str:
        return self.key.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class RawMap:
    values: dict[Key, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


class _Pairs(list[tuple[str, Any]]): ...  # an object, repeated keys included


def read(data: bytes, max_value_bytes: int) -> RawMap:
    """Raises ``Invalid`` if ``data`` is not a JSON object."""
    try:
        document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_Pairs, parse_int=Decimal)
    except UnicodeDecodeError as error:
        raise Invalid("", "utf-8", f"is not UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise Invalid("", "json", f"is not JSON: {error}") from None
    except RecursionError:
        document = None
    if not isinstance(document, _Pairs):
        raise Invalid("", "type", "must be a JSON object of raw keys and texts")
    found = RawMap()
    for raw, value in document:
        try:
            key = _checked(raw, value, max_value_bytes)
            if found.values.get(key, value) != value:
                raise Invalid("key", "duplicate", "appears twice with different values; the first is used")
            found.values[key] = value
        except Invalid as error:
            found.refused.append(Refused(raw, value, error))
    return found


def write(chunks: Iterable[list[tuple[Key, str]]]) -> Iterator[bytes]:
    """JSON text, one entry a line, in pieces of about ``PIECE_BYTES``."""
    before = b"{\n"
    for chunk in chunks:
        piece = bytearray()
        for key, value in chunk:
            piece += before + msgspec.json.encode(raw_key(key)) + b": " + msgspec.json.encode(value)
            before = b",\n"
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        if piece:  # sent before the next chunk is read
            yield bytes(piece)
    yield b"{}\n" if before == b"{\n" else b"\n}\n"


def _checked(raw: str, value: Any, max_value_bytes: int) -> Key:
    key = from_raw_key(raw)
    if not isinstance(value, str):
        raise Invalid("value", "type", "must be a string")
    KINDS[key.kind].codec.validate(value, max_value_bytes)
    return key
