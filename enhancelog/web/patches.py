"""Patches (RFC 6902) as diffs where old values are known, in bounded size."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from enhancelog.domain.diffs import Line, compare
from enhancelog.domain.records import Entry, Operation, Verdict
from enhancelog.domain.text import cut, isolated
from enhancelog.web.changed_words import SegmentedLine, with_changed_words
from enhancelog.web.denial_marks import Denials
from enhancelog.web.old_values import OldValues

SHOWN_OPERATIONS: Final = 100
SHOWN_CHARACTERS: Final = 40_000  # of all values together

SHOWN_POINTER: Final = 500  # characters
FOLDED_LINES: Final = 12
FOLDED_CHARACTERS: Final = 1_000
START_CHARACTERS: Final = 120

_ROOT: Final = "(the whole document)"

_operations = msgspec.json.Decoder(list[Operation])
_string = msgspec.json.Decoder(str)


class Change(NamedTuple):
    """``long``: folded to ``start``. ``denied_by``: axes whose reasons name exactly this pointer."""

    op: str
    path: str
    source: str
    lines: list[SegmentedLine]
    start: str
    long: bool
    cut: bool
    denied_by: list[str]


class Patch(NamedTuple):
    """``operations`` are the first of ``total``."""

    operations: list[Change]
    total: int
    bump: str

    @property
    def left_out(self) -> int:
        return self.total - len(self.operations)


def patch(entry: Entry, document: Any = UNSET) -> Patch | None:
    """``document``: the Blueprint before it. ``None`` if operations were not recorded."""
    if entry.ops is UNSET:
        return None
    return of_operations(bytes(entry.ops), "" if entry.bump is UNSET else entry.bump, entry.verdicts, document)


def of_operations(ops: str | bytes, bump: str, verdicts: Iterable[Verdict], document: Any = UNSET) -> Patch:
    """``ops``: RFC 6902. ``verdicts``: on the run of the patch."""
    operations = _operations.decode(ops)
    return Patch(list(_changes(operations, OldValues(document), Denials(verdicts))), len(operations), bump)


def as_text(entry: Entry) -> str:
    """Empty if operations were not recorded."""
    if entry.ops is UNSET:
        return ""
    lines = []
    for operation in _operations.decode(bytes(entry.ops)):
        source = f" from {operation.source or _ROOT}" if operation.source is not UNSET else ""
        lines += [f"{operation.op} {operation.path or _ROOT}{source}", *_split(_text(operation.value))]
    return "\n".join(lines)


def _changes(operations: Sequence[Operation], old_values: OldValues, denials: Denials) -> Iterator[Change]:
    left = SHOWN_CHARACTERS
    for operation in operations[:SHOWN_OPERATIONS]:
        lines, used, is_cut = _lines(operation, old_values.before(operation), max(left, 0))
        old_values.follow(operation)
        left -= used + len(operation.path)
        yield Change(
            op=operation.op,
            path=cut(operation.path, SHOWN_POINTER) or _ROOT,
            source=cut(str(operation.source or _ROOT), SHOWN_POINTER) if operation.op in ("move", "copy") else "",
            lines=with_changed_words(lines),
            start=isolated(
                next((line.text[:START_CHARACTERS] for line in lines if line.mark in "+-" and line.text), "")
            ),
            long=len(lines) > FOLDED_LINES or used > FOLDED_CHARACTERS,
            cut=is_cut,
            denied_by=denials.naming(operation.path),
        )
        if left <= 0:
            return


def _lines(operation: Operation, before: str | None, most: int) -> tuple[list[Line], int, bool]:
    """Also the characters used, and whether lines were cut."""
    old = _text(UNSET if before is None else Raw(before.encode()))
    new = _text(operation.value)
    if operation.op == "test":
        return _one_sided(" ", new, most)
    if operation.op == "remove":
        return _one_sided("-", old, most)
    if before is not None and len(old) + len(new) <= most:
        diff = compare(old, new)
        if diff.detailed:
            return diff.lines or [Line(" ", line) for line in _split(new)], len(old) + len(new), False
    return _one_sided("+", new, most)


def _one_sided(mark: str, text: str, most: int) -> tuple[list[Line], int, bool]:
    shown = text[:most]
    return [Line(mark, line) for line in _split(shown)], len(shown), len(shown) < len(text)


def _split(text: str) -> list[str]:
    return text.split("\n") if text else []


def _text(value: Raw | UnsetType) -> str:
    if value is UNSET:
        return ""
    data = bytes(value)
    if data.startswith(b'"'):
        return _string.decode(data) or '""'
    return msgspec.json.format(data, indent=2).decode()
