"""Opens a file or standard input; the format is detected from the content."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.strict_json import BOM
from enhancelog.transfer import json_stream
from enhancelog.transfer.items import Item, Unreadable
from enhancelog.transfer.json_stream import WHITE_SPACE, Reader, Splitter
from enhancelog.transfer.sqlite_rows import MAGIC
from enhancelog.transfer.upstream_sqlite import UpstreamFile

CHUNK_BYTES: Final = 1 << 16

_OTHERS: Final = {
    b"\x1f\x8b": "gzip; unpack it first (gunzip FILE)",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\x28\xb5\x2f\xfd": "zstandard; unpack it first",
    b"BZh": "bzip2; unpack it first",
    b"\xfd7zXZ\x00": "xz; unpack it first",
    b"\xff\xfe": "UTF-16; convert it to UTF-8 first",
    b"\xfe\xff": "UTF-16; convert it to UTF-8 first",
}


class Source(Protocol):
    """``done`` counts ``unit``; ``total`` is ``None`` if unknown."""

    unit: str

    @property
    def total(self) -> int | None: ...

    @property
    def done(self) -> int: ...

    def __iter__(self) -> Iterator[Item]: ...


class JsonStream:
    unit = "bytes"

    def __init__(
        self, chunks: Iterable[bytes], split: Splitter, max_bytes: int, read: Reader, total: int | None = None
    ) -> None:
        self.total = total
        self.done = 0
        self._items = json_stream.items(self._counted(chunks), split, max_bytes, read)

    def __iter__(self) -> Iterator[Item]:
        return self._items

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.done += len(chunk)
            yield chunk


@contextmanager
def open_source(
    location: str, max_bytes: int, stdin: BinaryIO | None = None, *, imported: bool = False
) -> Iterator[Source]:
    """``-`` is standard input. Raises ``Unreadable``."""
    name = "standard input" if location == "-" else location
    with _opened(location, stdin) as stream:
        with _reading(name):
            head = stream.read(max_bytes + 1)
        if not head.startswith(MAGIC):
            split = _splitter(head, whole=len(head) <= max_bytes, name=name)
            chunks = chain([head.removeprefix(BOM)], _chunks(stream, name))
            read = json_stream.one_imported if imported else json_stream.one_entry
            yield JsonStream(chunks, split, max_bytes, read, _size(stream))
        elif location == "-":
            with tempfile.TemporaryDirectory() as folder:
                yield UpstreamFile(_spooled(head, stream, Path(folder)), max_bytes)
        else:
            yield UpstreamFile(Path(location), max_bytes)


@contextmanager
def open_json(
    location: str, split: Splitter, read: Reader, max_bytes: int, stdin: BinaryIO | None = None
) -> Iterator[Source]:
    """Of a known shape. ``-`` is standard input. Raises ``Unreadable``."""
    name = "standard input" if location == "-" else location
    with _opened(location, stdin) as stream:
        with _reading(name):
            head = stream.read(CHUNK_BYTES)
        _check_magic(head, name)
        chunks = chain([head.removeprefix(BOM)], _chunks(stream, name))
        yield JsonStream(chunks, split, max_bytes, read, _size(stream))


@contextmanager
def _opened(location: str, stdin: BinaryIO | None) -> Iterator[BinaryIO]:
    if location == "-":
        yield stdin or sys.stdin.buffer
        return
    with _reading(location):
        stream = open(location, "rb")  # noqa: SIM115  closed below; only opening is guarded here
    with stream:
        yield stream


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a path that holds a NUL is a ValueError
        raise Unreadable(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _chunks(stream: BinaryIO, name: str) -> Iterator[bytes]:
    while True:
        with _reading(name):
            chunk = stream.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _spooled(head: bytes, stream: BinaryIO, folder: Path) -> Path:
    path = folder / "standard-input"  # SQLite cannot read a pipe
    with open(path, "wb") as file:
        file.write(head)
        shutil.copyfileobj(stream, file)
    return path


def _size(stream: BinaryIO) -> int | None:
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None


def _splitter(head: bytes, whole: bool, name: str) -> Splitter:
    _check_magic(head, name)
    text = head.removeprefix(BOM).lstrip(WHITE_SPACE)
    if text.startswith(b"["):
        return json_stream.array
    if not text or text.startswith(b"{"):
        return json_stream.objects if _spans_lines(text, whole) else json_stream.lines
    raise Unreadable(f"{name}: is neither an engine host's SQLite file nor a JSON array nor NDJSON")


def _check_magic(head: bytes, name: str) -> None:
    for magic, said in _OTHERS.items():
        if head.startswith(magic):
            raise Unreadable(f"{name}: is {said}")


def _spans_lines(text: bytes, whole: bool) -> bool:
    # Pretty-printed objects span lines.
    first = text.partition(b"\n")[0].strip(WHITE_SPACE)
    if first == b"{":
        return True
    try:
        return whole and first != text.strip(WHITE_SPACE) and isinstance(strict_json.loads(text), dict)
    except Invalid:
        return False
