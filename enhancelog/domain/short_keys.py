import struct
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

_number: Final[Callable[[bytes], tuple[int]]] = struct.Struct(">q").unpack


def short_key(data: bytes) -> int:
    # A hash of eight bytes, for an index.
    return _number(blake2b(data, digest_size=8).digest())[0]
