"""Three-way merge of lines at bounded cost."""

from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from enhancelog.domain.diffs import MAX_LINES, common_start


class _Edit(NamedTuple):
    start: int  # the lines of the base that it replaces, end excluded
    end: int
    lines: tuple[str, ...]


def merge(base: str, ours: str, theirs: str) -> str | None:
    """Both edits of ``base``. ``None`` if they overlap or touch, or if one of them spans more than ``MAX_LINES``."""
    lines = base.split("\n")
    our_edits, their_edits = _edits(lines, ours.split("\n")), _edits(lines, theirs.split("\n"))
    if our_edits is None or their_edits is None:
        return None
    edits = sorted(our_edits | their_edits)  # an edit that both made counts once
    if any(later.start <= earlier.end for earlier, later in pairwise(edits)):
        return None
    merged: list[str] = []
    done = 0
    for edit in edits:
        merged += [*lines[done : edit.start], *edit.lines]
        done = edit.end
    return "\n".join([*merged, *lines[done:]])


def _edits(base: list[str], other: list[str]) -> set[_Edit] | None:
    start = common_start(base, other)
    end = common_start(base[start:][::-1], other[start:][::-1])
    gone, came = base[start : len(base) - end], other[start : len(other) - end]
    if max(len(gone), len(came)) > MAX_LINES:
        return None
    changes = SequenceMatcher(None, gone, came).get_opcodes()
    return {_Edit(start + i1, start + i2, tuple(came[j1:j2])) for act, i1, i2, j1, j2 in changes if act != "equal"}
