"""Splits a byte stream into entries. An invalid or oversized entry does not affect the others."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from enhancelog.domain import records
from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.domain.strict_json import BOM
from enhancelog.transfer.items import Found, Item, Refused

# Cuts before parsing, so memory holds one chunk and one entry whatever the size of the stream
Splitter = Callable[[Iterable[bytes], int], Iterator["Piece"]]
# What a piece says: one entry, or of another tool's log also none or several
Reader = Callable[["Piece"], Iterable[Item]]

WHITE_SPACE: Final = b" \t\r\n"
_LINE: Final = re.compile(rb"[^ \t\r\n][^\n]*+")
# Of a string: up to the quote that ends it, else to the end of the chunk, which may be a backslash
_REST: Final = rb'(?:[^"\\]++|\\.)*+("|\\?\Z)'
_IN_STRING: Final = re.compile(_REST, re.DOTALL)
_STRING: Final = b'"' + _REST
_NESTED: Final = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_OUTER: Final = re.compile(_STRING + rb"|[\[\]{},]", re.DOTALL)
_QUOTE, _COMMA, _END, _BRACE = b'",]}'
_AT_END: Final = "end"
_OPENING: Final = b"[{"


class Piece:
    """The trimmed bytes of one entry; ``size`` counts all, at most ``limit`` are kept."""

    def __init__(self, where: str, limit: int, flaw: str = "") -> None:
        self.where = where
        self.size = 0
        self._flaw = flaw
        self._limit = limit
        self._parts: list[bytes] = []
        self._seen = 0

    def add(self, part: bytes) -> None:
        if not self.size:
            part = part.lstrip(WHITE_SPACE)
        if self._seen < self._limit:
            self._parts.append(part[: self._limit - self._seen])
        if inner := part.rstrip(WHITE_SPACE):
            self.size = self._seen + len(inner)
        self._seen += len(part)

    @property
    def is_end(self) -> bool:
        """A flaw at the end of the stream, not an entry."""
        return self.where == _AT_END

    def digest(self) -> bytes:
        return hashlib.sha256(b"".join(self._parts)).digest()

    def content(self) -> bytes:
        """Raises ``Invalid``."""
        if self._flaw:
            raise Invalid("", "json", self._flaw)
        if self.size > self._limit:
            raise TooLarge("", self.size, self._limit)
        return self._kept

    @property
    def raw(self) -> str:
        return self._kept.decode("utf-8", "backslashreplace")

    @property
    def _kept(self) -> bytes:
        return b"".join(self._parts)[: self.size]

    def item(self, *, imported: bool = False) -> Item:
        # Another host's entry may use names of ours for something else.
        try:
            if not imported:
                return Found(self.where, records.decode(self.content(), max_bytes=self._limit))
            entry, dropped = records.decode_imported(self.content(), max_bytes=self._limit)
            return Found(self.where, entry, dropped, self.raw if dropped else "")
        except Invalid as reason:
            return Refused(self.where, reason, self.raw)


def one_entry(piece: Piece) -> tuple[Item]:
    return (piece.item(),)


def one_imported(piece: Piece) -> tuple[Item]:
    return (piece.item(imported=True),)


def items(chunks: Iterable[bytes], split: Splitter, max_bytes: int, read: Reader = one_entry) -> Iterator[Item]:
    for piece in split(chunks, max_bytes):
        yield from read(piece)


class Lines:
    """Skips blank lines, however many. ``number`` is the current line's."""

    def __init__(self) -> None:
        self.number = 1
        self._is_open = False

    def parts(self, chunk: bytes) -> Iterator[tuple[bytes, bool]]:
        """Parts of lines, and whether they begin one. A line's leading white space is left out."""
        at = 0
        if self._is_open and chunk:
            end = chunk.find(b"\n")
            self._is_open = end == -1
            at = len(chunk) if self._is_open else end
            yield chunk[:at], False
        for found in _LINE.finditer(chunk, at):
            self.number += chunk.count(b"\n", at, found.start())
            at = found.end()
            self._is_open = at == len(chunk)
            yield found[0], True
        self.number += chunk.count(b"\n", at)


def lines(chunks: Iterable[bytes], limit: int) -> Iterator[Piece]:
    """NDJSON; blank lines are skipped."""
    cut = Lines()
    piece = None
    for chunk in chunks:
        for part, begins in cut.parts(chunk):
            if begins:
                if piece is not None:
                    yield piece
                piece = Piece(f"line {cut.number}", limit)
            if piece is not None:
                piece.add(part)
    if piece is not None:
        yield piece


def without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Without the byte-order mark that some editors and shells write before UTF-8."""
    rest = iter(chunks)
    head = b""
    for chunk in rest:
        head += chunk
        if len(head) >= len(BOM):
            break
    yield head.removeprefix(BOM)
    yield from rest


def array(chunks: Iterable[bytes], limit: int) -> Iterator[Piece]:
    """Text after the array, or a missing end, becomes a refused piece."""
    number = 1
    piece = Piece("entry 1", limit)
    tokens = _tokens(_after_bracket(chunks))
    for part, token, outer in tokens:
        ends = outer and token in (_COMMA, _END)
        piece.add(part[:-1] if ends else part)
        if ends:
            if piece.size or token == _COMMA or number > 1:
                yield piece
            number += 1
            piece = Piece(f"entry {number}", limit)
            if token == _END:
                break
    else:
        if piece.size:
            yield piece
        yield Piece(_AT_END, limit, "the array does not end: the file was cut off")
    rest = Piece(_AT_END, limit, "unexpected data after the end of the array")
    for part, _, _ in tokens:
        rest.add(part)
    if rest.size:
        yield rest


def objects(chunks: Iterable[bytes], limit: int) -> Iterator[Piece]:
    number = 1
    piece = Piece("entry 1", limit)
    for part, token, _ in _tokens(chunks):
        piece.add(part)
        if token in (_END, _BRACE):
            yield piece
            number += 1
            piece = Piece(f"entry {number}", limit)
    if piece.size:
        yield piece


def _after_bracket(chunks: Iterable[bytes]) -> Iterator[bytes]:
    opened = False
    for chunk in chunks:
        _, bracket, after = (b"", b"", chunk) if opened else chunk.partition(b"[")
        opened = opened or bool(bracket)
        yield after


def _tokens(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int | None, bool]]:
    # Parts that end after a comma or closing bracket at depth 0, the token, and whether depth was 0 before it. A part
    # cut by the end of a chunk has no token.
    in_string, at, depth = False, 0, 0
    for chunk in filter(None, chunks):
        start = 0
        while at < len(chunk):
            match = (_IN_STRING if in_string else _NESTED if depth else _OUTER).search(chunk, at)
            if match is None:
                at = len(chunk)
                break
            token, at = chunk[match.start()], match.end()
            if in_string or token == _QUOTE:
                in_string = match[1] != b'"'
                at += match[1] == b"\\"  # what it escapes is in the next chunk
            elif token in _OPENING:
                depth += 1
            else:
                outer = depth == 0
                depth -= not outer and token != _COMMA
                if depth == 0:
                    yield chunk[start:at], token, outer
                    start = at
        yield chunk[start:], None, False
        at = 1 if at > len(chunk) else 0
