"""Merkle trees (RFC 6962, RFC 9162)."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**63 - 1
EMPTY_ROOT: Final = hashlib.sha256().digest()


class Node(Struct, frozen=True):
    """The hash of the ``index``-th perfect subtree with ``2**level`` leaves."""

    level: int
    index: int


# Reads many at once, as they may be in a database.
Reader = Callable[[Sequence[Node]], Sequence[bytes]]


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    # The largest power of two below: so many leaves are on the left.
    return 1 << ((size - 1).bit_length() - 1)


def cover(begin: int, end: int) -> Iterator[Node]:
    """Perfect subtrees, left to right, of the subtree with these leaves."""
    while begin < end:
        level = (end - begin).bit_length() - 1
        yield Node(level, begin >> level)
        begin += 1 << level


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash of a subtree from those of its cover."""
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def root(size: int, read: Reader) -> bytes:
    return fold(read(list(cover(0, size)))) if size else EMPTY_ROOT


class Frontier:
    """A tree that grows. It keeps the hashes of its cover, at most 63."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> None:
        size = self.size
        while size & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            size >>= 1
        self._hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        return fold(self._hashes) if self.size else EMPTY_ROOT
