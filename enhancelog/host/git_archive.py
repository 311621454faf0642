"""Unpacks a ``.tar.gz`` of a git store into an empty folder, within limits."""

import gzip
import io
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Final

from enhancelog.domain.errors import Invalid
from enhancelog.transfer.items import Refused, Unreadable, refused

MAX_BYTES: Final = 1 << 30
MAX_MEMBERS: Final = 200_000
MAX_HEADER_BYTES: Final = 1 << 18
MAX_REFUSED: Final = 1000
MAX_PATH_CHARS: Final = 1000
MAX_NAME_BYTES: Final = 255

_CHUNK_BYTES: Final = 1 << 16
_MAGIC_AT: Final = 257


class _TooMuch(Exception):
    pass


class _Bounded(io.RawIOBase):
    """An unpacked stream that goes forward only: tarfile reads whatever size a header says, and seeks anywhere."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self.left = MAX_HEADER_BYTES  # may be read before it is set again

    def read(self, size: int = -1) -> bytes:
        self.left -= size
        if size < 0 or self.left < 0:
            raise _TooMuch(f"has a header of more than {MAX_HEADER_BYTES:,} bytes")
        self._check(self._file.tell() + size)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._file.tell():
            raise _TooMuch("has a member of negative size")
        self._check(offset)
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()

    def _check(self, position: int) -> None:
        if position > MAX_BYTES:
            raise _TooMuch(f"holds more than {MAX_BYTES:,} bytes")


def is_tar(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            return file.read(tarfile.BLOCKSIZE)[_MAGIC_AT:].startswith(b"ustar")
    except (OSError, EOFError, zlib.error):
        return False


def unpack(path: Path, folder: Path) -> list[Refused]:
    """Refuses members that are not files or folders below it. Raises ``Unreadable``."""
    findings: list[Refused] = []
    try:
        with gzip.open(path) as file, tarfile.open(fileobj=(stream := _Bounded(file)), mode="r:") as archive:
            for number in range(MAX_MEMBERS + 1):
                stream.left = MAX_HEADER_BYTES
                member = archive.next()
                stream.left = MAX_BYTES
                if member is None:
                    _read_to_end(stream)
                    return findings
                archive.members.clear()  # type: ignore[attr-defined]  # they would all stay in memory
                try:
                    _unpack_member(archive, member, folder)
                except Invalid as reason:
                    findings.append(refused(f"member {number + 1}", reason, ""))
                if len(findings) > MAX_REFUSED:
                    raise Unreadable(f"{path}: has more than {MAX_REFUSED:,} members that are not files")
    except (_TooMuch, tarfile.TarError) as error:
        raise Unreadable(f"{path}: {error}") from None
    except (OSError, EOFError, zlib.error, RecursionError, ValueError) as error:
        said = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise Unreadable(f"{path}: cannot be unpacked: {said}") from None
    raise Unreadable(f"{path}: has more than {MAX_MEMBERS:,} members; unpack it and give the folder")


# Only at its end does gzip say whether the content is whole.
def _read_to_end(stream: _Bounded) -> None:
    while stream.read(_CHUNK_BYTES):
        pass


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    parts = _parts(member.name)
    if not member.isdir() and (not member.isreg() or member.issparse() or not parts):
        raise Invalid(_shown(member.name), "member", "is a link, a device or a sparse file, not a file or folder")
    if member.size > MAX_BYTES:
        raise _TooMuch(f"holds more than {MAX_BYTES:,} bytes")
    try:
        if member.isdir():
            if parts[-1:] == ("objects",):  # of a repository without objects, too
                folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        elif _is_needed(parts) and (content := archive.extractfile(member)):
            _write(content, folder.joinpath(*_without_fan_out(parts)))
    except (FileExistsError, NotADirectoryError):
        raise Invalid(_shown(member.name), "member", "appears twice, or as a file and a folder") from None


def _write(content: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            file.write(chunk)


def _is_needed(parts: tuple[str, ...]) -> bool:
    return parts[-1] in ("HEAD", "packed-refs") or "objects" in parts or parts[-3:-1] == ("refs", "heads")


# ``objects/ab/cdef…`` becomes ``objects/abcdef…``: creating and removing 256 folders takes longer than reading them.
def _without_fan_out(parts: tuple[str, ...]) -> tuple[str, ...]:
    if parts[-3:-2] == ("objects",) and len(parts[-2]) == 2:
        return (*parts[:-2], parts[-2] + parts[-1])
    return parts


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise Invalid(_shown(name), "member", "must be a relative path without ..")
    if len(name) > MAX_PATH_CHARS or any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in path.parts):
        raise Invalid(_shown(name), "member", "has a longer name than a file system takes")
    return path.parts


def _shown(name: str) -> str:
    return name[:80].encode("utf-8", "backslashreplace").decode()
