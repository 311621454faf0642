"""Packs that would need more memory or time than an object may."""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.objects import Blob
from dulwich.pack import write_pack_index_v2

from enhancelog.domain.errors import Invalid
from enhancelog.host.documents import MAX_DOCUMENT_BYTES
from enhancelog.host.git_objects import MAX_CHAIN, Objects
from tests.host.stores import GitStore

BLOB, OFS_DELTA, REF_DELTA = 3, 6, 7


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GitStore]:
    made = GitStore(tmp_path / "host")
    yield made
    made.close()


def number(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def stored(kind: int, content: bytes, base: bytes = b"", size: int | None = None) -> bytes:
    size = len(content) if size is None else size
    first, rest = size & 15, size >> 4
    head = bytes([kind << 4 | first | 0x80]) + number(rest) if rest else bytes([kind << 4 | first])
    return head + base + zlib.compress(content)


def distance(value: int) -> bytes:
    found = [value & 0x7F]
    while value := (value >> 7):
        value -= 1
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))


def write(store: GitStore, objects: dict[bytes, bytes]) -> None:
    """A pack of these, by id (40 hex digits), in this order."""
    data = b"PACK" + struct.pack(">LL", 2, len(objects))
    entries = []
    for sha, content in objects.items():
        entries.append((bytes.fromhex(sha.decode()), len(data), zlib.crc32(content)))
        data += content
    checksum = hashlib.sha1(data, usedforsecurity=False).digest()
    folder = store.path / "objects/pack"
    (folder / "pack-made.pack").write_bytes(data + checksum)
    with open(folder / "pack-made.idx", "wb") as file:
        write_pack_index_v2(file, sorted(entries), checksum)


def reason(store: GitStore, sha: bytes) -> str:
    objects = Objects(store.path)
    try:
        with pytest.raises(Invalid) as refusal:
            objects.read(sha, Blob, MAX_DOCUMENT_BYTES)
    finally:
        objects.close()
    return str(refusal.value)


A, B = b"a" * 40, b"b" * 40


def test_a_packed_object_of_gigabytes_is_refused_unread(store: GitStore) -> None:
    write(store, {A: stored(BLOB, bytes(1 << 20), size=1 << 30)})
    assert reason(store, A) == f"{A.decode()}: is 1,073,741,824 bytes, the limit is 5,242,880"


def test_a_delta_that_would_become_gigabytes_is_refused_unread(store: GitStore) -> None:
    base = stored(BLOB, b"base")
    delta = number(4) + number(1 << 31) + bytes([0x90, 4]) * 100
    write(store, {A: base, B: stored(OFS_DELTA, delta, distance(len(base)))})
    assert reason(store, B) == f"{B.decode()}: is 2,147,483,648 bytes, the limit is 5,242,880"


def test_a_delta_whose_base_is_too_large_is_refused_unread(store: GitStore) -> None:
    base = stored(BLOB, b"base", size=1 << 30)
    delta = number(1 << 30) + number(4) + bytes([0x90, 4])
    write(store, {A: base, B: stored(REF_DELTA, delta, bytes.fromhex(A.decode()))})
    assert reason(store, B) == f"{B.decode()}: is 1,073,741,824 bytes, the limit is 5,242,880"


def test_a_delta_that_is_its_own_base_is_refused(store: GitStore) -> None:
    write(store, {A: stored(REF_DELTA, number(4) + number(4) + bytes([0x90, 4]), bytes.fromhex(A.decode()))})
    assert reason(store, A) == f"{A.decode()}: is damaged: ValueError more than {MAX_CHAIN:,} deltas"


def test_deltas_in_a_circle_are_refused(store: GitStore) -> None:
    delta = number(4) + number(4) + bytes([0x90, 4])
    write(
        store,
        {
            A: stored(REF_DELTA, delta, bytes.fromhex(B.decode())),
            B: stored(REF_DELTA, delta, bytes.fromhex(A.decode())),
        },
    )
    assert "is damaged" in reason(store, A)


def test_a_delta_without_its_base_is_refused(store: GitStore) -> None:
    write(store, {A: stored(REF_DELTA, number(4) + number(4) + bytes([0x90, 4]), bytes(20))})
    assert "is damaged: KeyError" in reason(store, A)


def test_a_base_before_the_pack_is_refused(store: GitStore) -> None:
    write(store, {A: stored(OFS_DELTA, number(4) + number(4) + bytes([0x90, 4]), distance(10_000))})
    assert "is damaged" in reason(store, A)


def test_a_packed_object_under_another_id_is_refused(store: GitStore) -> None:
    write(store, {A: stored(BLOB, b"x")})
    assert reason(store, A) == f"{A.decode()}: is damaged: its content has another id"
