"""Reads objects of one bare git repository. Nothing is inflated before its size is known to be within the limit."""

import os
import re
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeVar

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import ObjectID, RawObjectID, ShaFile, object_class
from dulwich.pack import Pack

from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.transfer.items import Unreadable

# dulwich parses objects and packs. Its ``Repo`` is not used: it follows what ``config`` and ``objects/info/alternates``
# name, and reads refs, headers and deltas of any size.
MAX_PACKS: Final = 1000
MAX_DEPTH: Final = 8
MAX_FOLDERS: Final = 100_000
MAX_CHAIN: Final = 4095  # the longest chain of deltas that git writes
_MAX_REFS_BYTES: Final = 1 << 20
_CACHE_BYTES: Final = 16 << 20
_HEADER_BYTES: Final = 64
_MAX_DEFLATED: Final = 1.01  # zlib adds less than a hundredth to what it cannot compress
_HEAD_BYTES: Final = 1 << 12
_MAX_NUMBER_BYTES: Final = 10
_OFS_DELTA: Final = 6
_REF_DELTA: Final = 7

_ID: Final = re.compile(rb"[0-9a-f]{40}")

_Object = TypeVar("_Object", bound=ShaFile)


class Objects:
    """Objects larger than ``max_bytes`` are refused. Close it."""

    def __init__(self, repository: Path, max_bytes: int) -> None:
        self.damaged_packs: list[Invalid] = []
        self._folder = repository / "objects"
        self._max_bytes = max_bytes
        self._packs: list[Pack] = []
        for index in sorted(self._folder.glob("pack/*.idx"))[:MAX_PACKS]:
            self._open_pack(index)

    def close(self) -> None:
        for pack in self._packs:
            pack.close()

    def read(self, sha: bytes, shape: type[_Object]) -> _Object:
        """``sha``: 40 hex digits. Raises ``Invalid`` if it is missing, damaged, too large or of another type."""
        name = sha[:40].decode("ascii", "backslashreplace")
        if not _ID.fullmatch(sha):
            raise Invalid(name, "git", "is not the id of an object")
        try:
            found = self._packed(sha) or self._loose(sha)
            is_genuine = found is not None and found.id == sha
        except TooLarge as reason:
            raise TooLarge(name, reason.size, reason.limit) from None
        except Exception as error:  # dulwich raises whatever a damaged file leads to
            raise _damaged(name, error) from None
        if found is None:
            raise Invalid(name, "git", "is missing")
        if not is_genuine:
            raise Invalid(name, "git", "is damaged: its content has another id")
        if not isinstance(found, shape):
            raise Invalid(name, "git", f"is a {found.type_name.decode()}, not a {shape.type_name.decode()}")
        return found

    def _open_pack(self, index: Path) -> None:
        name = f"pack/{index.name}"
        pack = Pack(
            str(index.with_suffix("")), object_format=DEFAULT_OBJECT_FORMAT, delta_base_cache_limit=_CACHE_BYTES
        )
        try:
            for path in (index, index.with_suffix(".pack")):
                _check_is_file(path)
            len(pack.data), len(pack.index)
        except Exception as error:
            self.damaged_packs.append(_damaged(name, error))
            pack.close()
        else:
            self._packs.append(pack)

    def _loose(self, sha: bytes) -> ShaFile | None:
        name = sha.decode()
        # The second is where ``git_archive`` puts it.
        path = next((path for path in (self._folder / name[:2] / name[2:], self._folder / name) if path.exists()), None)
        if path is None:
            return None
        _check_is_file(path)
        if path.stat().st_size > _HEADER_BYTES + self._max_bytes * _MAX_DEFLATED:
            raise TooLarge("", path.stat().st_size, self._max_bytes)
        inflating = zlib.decompressobj()
        head, _, start = inflating.decompress(path.read_bytes(), _HEADER_BYTES).partition(b"\0")
        type_name, size = head.split(b" ")
        self._check(int(size))
        kind = object_class(type_name)
        if kind is None:
            raise ValueError(f"unknown type {type_name!r}")
        return kind.from_string(start + inflating.decompress(inflating.unconsumed_tail, self._max_bytes))

    def _packed(self, sha: bytes) -> ShaFile | None:
        for pack in self._packs:
            try:
                offset = pack.index.object_offset(ObjectID(sha))
            except KeyError:
                continue
            self._check_chain(pack, offset)
            return ShaFile.from_raw_string(*pack.get_raw(ObjectID(sha)))
        return None

    def _check_chain(self, pack: Pack, offset: int) -> None:
        with open(pack.data.path, "rb") as file:
            for _ in range(MAX_CHAIN):
                stored = _stored_at(file, offset)
                self._check(max(stored.sizes))
                if stored.base is None:
                    return
                offset = offset - stored.base if isinstance(stored.base, int) else pack.index.object_offset(stored.base)
        raise ValueError(f"more than {MAX_CHAIN:,} deltas")

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise TooLarge("", size, self._max_bytes)


class _Stored(NamedTuple):
    sizes: tuple[int, ...]  # inflated, and for a delta, of what it is applied to and of what that becomes
    base: int | RawObjectID | None  # of a delta: how far before it, or its id


def _stored_at(file: BinaryIO, offset: int) -> _Stored:
    file.seek(offset)
    head = file.read(_HEAD_BYTES)
    kind = head[0] >> 4 & 7
    size, at = _number(head, 0, first_bits=4)
    if kind == _OFS_DELTA:
        base, at = _distance(head, at)
        return _Stored((size, *_delta_sizes(head[at:])), base)
    if kind == _REF_DELTA:
        end = at + DEFAULT_OBJECT_FORMAT.oid_length
        return _Stored((size, *_delta_sizes(head[end:])), RawObjectID(head[at:end]))
    return _Stored((size,), None)


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


def _damaged(name: str, error: Exception) -> Invalid:
    said = " ".join(str(error).split())[:200]
    return Invalid(name, "git", f"is damaged: {type(error).__name__} {said}".rstrip())


# A named pipe would block, a device never end.
def _check_is_file(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(0, "not a regular file")


def branch(repository: Path, name: str) -> bytes:
    """The commit's id, 40 hex digits. Raises ``Invalid`` if the branch does not exist or names something else."""
    ref = f"refs/heads/{name}"
    try:
        value = _loose_ref(repository / ref) or _packed_ref(repository / "packed-refs", ref.encode())
    except OSError as error:
        raise Invalid(ref, "git", f"cannot be read: {error.strerror}") from None
    if value is None:
        raise Invalid(ref, "git", "does not exist: no version was ever registered")
    if not _ID.fullmatch(value):
        raise Invalid(ref, "git", f"is {value[:80]!r}, which is not the id of a commit")
    return value


def _loose_ref(path: Path) -> bytes | None:
    return _small(path).strip() if path.exists() else None


def _packed_ref(path: Path, ref: bytes) -> bytes | None:
    lines = _small(path).splitlines() if path.exists() else []
    return next((line[:40] for line in lines if line[40:] == b" " + ref), None)


def _small(path: Path) -> bytes:
    _check_is_file(path)
    with open(path, "rb") as file:
        return file.read(_MAX_REFS_BYTES)


def repositories(root: Path) -> list[Path]:
    """The git repositories at or below ``root``, by name. Raises ``Unreadable``. Links are not followed."""
    found: list[Path] = []
    try:
        for number, (folder, folders, _) in enumerate(os.walk(root, onerror=_raise)):
            path = Path(folder)
            if is_repository(path):
                found.append(path)
                folders.clear()
            elif len(path.relative_to(root).parts) >= MAX_DEPTH:
                folders.clear()
            if number >= MAX_FOLDERS:
                raise Unreadable(f"{root}: has more than {MAX_FOLDERS:,} folders; give the folder of the git store")
    except OSError as error:
        raise Unreadable(f"{root}: cannot be read: {error.strerror}") from None
    return sorted(found)


def is_repository(path: Path) -> bool:
    return (path / "objects").is_dir() and (path / "HEAD").is_file()


def _raise(error: OSError) -> None:
    raise error
