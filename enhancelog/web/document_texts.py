"""Documents and their differences as text, in bounded size."""

from typing import Final, NamedTuple

import msgspec

from enhancelog.domain.diffs import MAX_SHOWN, Diff, compare
from enhancelog.store.documents import Stored
from enhancelog.web.changed_words import SegmentedLine, with_changed_words

SHOWN_CHARACTERS: Final = 100_000  # of a document, or of all lines of a difference
COMPARED_CHARACTERS: Final = 1 << 20  # of each document
LINE_CHARACTERS: Final = 1_000


class Shown(NamedTuple):
    """``text``: the first of ``size`` characters."""

    text: str
    size: int

    @property
    def is_cut(self) -> bool:
        return self.size > len(self.text)


class Compared(NamedTuple):
    """``only_start``: more was not compared. ``lines_cut``: of what differs, not all is shown."""

    diff: Diff
    lines: list[SegmentedLine]
    only_start: bool
    lines_cut: bool


def readable(stored: Stored) -> str:
    """JSON with a line for each value, unless it is very long; YAML as it is."""
    if stored.form == "yaml" or len(stored.text) > COMPARED_CHARACTERS:
        return stored.text  # a line for each value can be 30 times as long
    try:
        return msgspec.json.format(stored.text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return stored.text


def shown(stored: Stored) -> Shown:
    text = readable(stored)
    return Shown(text[:SHOWN_CHARACTERS], len(text))


def compared(before: Stored, after: Stored) -> Compared:
    old, new = readable(before), readable(after)
    diff = compare(old[:COMPARED_CHARACTERS], new[:COMPARED_CHARACTERS])
    lines, left = [], SHOWN_CHARACTERS
    for line in diff.lines[:MAX_SHOWN]:
        if left <= 0:
            break
        lines.append(line._replace(text=line.text[: min(LINE_CHARACTERS, left)]))
        left -= len(lines[-1].text)
    lines_cut = len(lines) < len(diff.lines) or any(
        len(part.text) < len(line.text) for part, line in zip(lines, diff.lines, strict=False)
    )
    only_start = max(len(old), len(new)) > COMPARED_CHARACTERS
    return Compared(diff, with_changed_words(lines), only_start, lines_cut)
