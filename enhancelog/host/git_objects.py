"""Reads objects of a git repository; too large ones are refused before they are inflated."""

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import ObjectID, ShaFile, object_class
from dulwich.pack import Pack

from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.host.git_layout import OBJECT_ID, check_is_file
from enhancelog.host.packed_sizes import stored_at

# dulwich parses objects and packs. Its ``Repo`` is not used: it follows what ``config`` and ``objects/info/alternates``
# name, and reads refs, headers and deltas of any size.
MAX_OBJECT_BYTES: Final = 2 << 20
MAX_PACKS: Final = 1000
MAX_CHAIN: Final = 4095  # the longest chain of deltas that git writes
_CACHE_BYTES: Final = 16 << 20
_HEADER_BYTES: Final = 64
_MAX_DEFLATED: Final = 1.01  # zlib adds less than a hundredth to what it cannot compress

_Object = TypeVar("_Object", bound=ShaFile)


class Objects:
    """Close it."""

    def __init__(self, repository: Path) -> None:
        self.damaged_packs: list[Invalid] = []
        self._folder = repository / "objects"
        self._packs: list[Pack] = []
        for index in sorted(self._folder.glob("pack/*.idx"))[:MAX_PACKS]:
            self._open_pack(index)

    def close(self) -> None:
        for pack in self._packs:
            _close(pack)

    def read(self, sha: bytes, shape: type[_Object], max_bytes: int = MAX_OBJECT_BYTES) -> _Object:
        """``sha``: 40 hex digits. Raises ``Invalid``."""
        name = sha[:40].decode("ascii", "backslashreplace")
        if not OBJECT_ID.fullmatch(sha):
            raise Invalid(name, "git", "is not the id of an object")
        found, fault = None, None
        try:
            found = self._packed(sha, max_bytes)
            found = self._loose(sha, max_bytes) if found is None else found
            if found is not None and found.id != sha:
                fault = Invalid(name, "git", "is damaged: its content has another id")
        except TooLarge as reason:
            fault = TooLarge(name, reason.size, reason.limit)
        except Exception as error:  # dulwich raises whatever a damaged file leads to
            fault = _damaged(name, error)
        if fault is not None:
            raise fault  # not in the handler: its context would keep mapped files open
        if found is None:
            raise Invalid(name, "git", "is missing")
        if not isinstance(found, shape):
            raise Invalid(name, "git", f"is a {found.type_name.decode()}, not a {shape.type_name.decode()}")
        return found

    def _open_pack(self, index: Path) -> None:
        pack = Pack(
            str(index.with_suffix("")), object_format=DEFAULT_OBJECT_FORMAT, delta_base_cache_limit=_CACHE_BYTES
        )
        self._packs.append(pack)
        try:
            for path in (index, index.with_suffix(".pack")):
                check_is_file(path)
            len(pack.data), len(pack.index)
        except Exception as error:
            self.damaged_packs.append(_damaged(f"pack/{index.name}", error))
            self._packs.pop()
            _close(pack)

    def _loose(self, sha: bytes, max_bytes: int) -> ShaFile | None:
        name = sha.decode()
        # The second is where ``git_archive`` puts it.
        path = next((path for path in (self._folder / name[:2] / name[2:], self._folder / name) if path.exists()), None)
        if path is None:
            return None
        check_is_file(path)
        if path.stat().st_size > _HEADER_BYTES + max_bytes * _MAX_DEFLATED:
            raise TooLarge("", path.stat().st_size, max_bytes)
        inflating = zlib.decompressobj()
        head, _, start = inflating.decompress(path.read_bytes(), _HEADER_BYTES).partition(b"\0")
        type_name, size = head.split(b" ")
        _check_size(int(size), max_bytes)
        kind = object_class(type_name)
        if kind is None:
            raise ValueError(f"unknown type {type_name!r}")
        return kind.from_string(start + inflating.decompress(inflating.unconsumed_tail, max_bytes))

    def _packed(self, sha: bytes, max_bytes: int) -> ShaFile | None:
        for pack in self._packs:
            try:
                offset = pack.index.object_offset(ObjectID(sha))
            except KeyError:
                continue
            _check_chain(pack, offset, max_bytes)
            return ShaFile.from_raw_string(*pack.get_raw(ObjectID(sha)))
        return None


def _check_chain(pack: Pack, offset: int, max_bytes: int) -> None:
    with open(pack.data.path, "rb") as file:
        for _ in range(MAX_CHAIN):
            stored = stored_at(file, offset)
            _check_size(max(stored.sizes), max_bytes)
            if stored.base is None:
                return
            offset = offset - stored.base if isinstance(stored.base, int) else pack.index.object_offset(stored.base)
    raise ValueError(f"more than {MAX_CHAIN:,} deltas")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge("", size, limit)


def _close(pack: Pack) -> None:
    with suppress(BufferError):  # a fault in dulwich may leave a view, whose end closes the file
        pack.close()


def _damaged(name: str, error: Exception) -> Invalid:
    said = " ".join(str(error).split())[:200]
    return Invalid(name, "git", f"is damaged: {type(error).__name__} {said}".rstrip())
