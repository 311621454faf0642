"""A recorded patch (RFC 6902) as something to read: one block an operation, values with their numbers as received.

Bounded, however large the patch: what is left out is said, and the raw JSON has it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from enhancelog.records import Entry

SHOWN_OPERATIONS: Final = 100
SHOWN_CHARACTERS: Final = 40_000
"""Of all values together."""

FOLDED_LINES: Final = 12
FOLDED_CHARACTERS: Final = 1_000

_ROOT: Final = "(the whole document)"


class Operation(NamedTuple):
    """``kind``: whether the value comes in (``ins``), or is only named (``is``). ``long``: better folded."""

    op: str
    path: str
    source: str
    kind: str
    lines: list[str]
    long: bool
    cut: bool

    @property
    def first_line(self) -> str:
        return self.lines[0][:120] if self.lines else ""


class Patch(NamedTuple):
    """``total``: operations in all; ``operations`` are the first of them."""

    operations: list[Operation]
    total: int
    bump: str

    @property
    def left_out(self) -> int:
        return self.total - len(self.operations)


class _Operation(msgspec.Struct, rename={"source": "from"}):
    op: str
    path: str
    source: str = ""
    value: Raw | UnsetType = UNSET


_operations = msgspec.json.Decoder(list[_Operation])
_string = msgspec.json.Decoder(str)


def patch(entry: Entry) -> Patch | None:
    """``None`` when no operations were recorded, which is not the same as none at all."""
    if entry.ops is UNSET:
        return None
    operations = _operations.decode(bytes(entry.ops))
    return Patch(list(_shown(operations)), len(operations), "" if entry.bump is UNSET else entry.bump)


def _shown(operations: list[_Operation]) -> Iterator[Operation]:
    left = SHOWN_CHARACTERS
    for operation in operations[:SHOWN_OPERATIONS]:
        text = _text(operation.value)
        shown = text[: max(left, 0)]
        left -= len(shown) + len(operation.path)
        lines = shown.split("\n") if shown else []
        yield Operation(
            op=operation.op,
            path=operation.path or _ROOT,
            source=(operation.source or _ROOT) if operation.op in ("move", "copy") else "",
            kind="ins" if operation.op in ("add", "replace") else "is",
            lines=lines,
            long=len(lines) > FOLDED_LINES or len(shown) > FOLDED_CHARACTERS,
            cut=len(shown) < len(text),
        )
        if left <= 0:
            return


def _text(value: Raw | UnsetType) -> str:
    """A string as its text, anything else as indented JSON."""
    if value is UNSET:
        return ""
    data = bytes(value)
    if data.startswith(b'"'):
        return _string.decode(data) or '""'
    return msgspec.json.format(data, indent=2).decode()
