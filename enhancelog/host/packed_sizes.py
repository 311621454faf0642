"""What inflating an object of a git pack would take, read from its first bytes."""

import zlib
from typing import BinaryIO, Final, NamedTuple

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import RawObjectID

_HEAD_BYTES: Final = 1 << 12
_MAX_NUMBER_BYTES: Final = 10
_OFS_DELTA: Final = 6
_REF_DELTA: Final = 7


class Stored(NamedTuple):
    sizes: tuple[int, ...]  # inflated, and for a delta, of what it is applied to and of what that becomes
    base: int | RawObjectID | None  # of a delta: how far before it, or its id


def stored_at(file: BinaryIO, offset: int) -> Stored:
    file.seek(offset)
    head = file.read(_HEAD_BYTES)
    kind = head[0] >> 4 & 7
    size, at = _number(head, 0, first_bits=4)
    if kind == _OFS_DELTA:
        base, at = _distance(head, at)
        return Stored((size, *_delta_sizes(head[at:])), base)
    if kind == _REF_DELTA:
        end = at + DEFAULT_OBJECT_FORMAT.oid_length
        return Stored((size, *_delta_sizes(head[end:])), RawObjectID(head[at:end]))
    return Stored((size,), None)


def _delta_sizes(deflated: bytes) -> tuple[int, int]:
    start = zlib.decompressobj().decompress(deflated, 2 * _MAX_NUMBER_BYTES)
    before, at = _number(start, 0)
    after, _ = _number(start, at)
    return before, after


# Git's numbers: seven bits a byte, the lowest first, while the eighth bit is set.
def _number(data: bytes, at: int, first_bits: int = 7) -> tuple[int, int]:
    number, shift, bits = 0, 0, first_bits
    for place in range(at, at + _MAX_NUMBER_BYTES):
        number |= (data[place] & ((1 << bits) - 1)) << shift
        if not data[place] & 0x80:
            return number, place + 1
        shift, bits = shift + bits, 7
    raise ValueError("a number is too long")


# The distance to a base is written the other way round, and each further byte adds one.
def _distance(data: bytes, at: int) -> tuple[int, int]:
    number = -1
    for place in range(at, at + _MAX_NUMBER_BYTES):
        number = (number + 1) << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            return number, place + 1
    raise ValueError("a distance is too long")
