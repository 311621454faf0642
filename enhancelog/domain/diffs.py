"""Line diffs of two texts at bounded cost."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple

CONTEXT: Final = 2
# Changed lines on either side above which there is no detailed diff: its cost grows with their product.
MAX_LINES: Final = 1000

MAX_SHOWN: Final = 400


# ``mark``: + added, - removed, a space unchanged, … lines left out.
class Line(NamedTuple):
    mark: str
    text: str = ""


class Diff(NamedTuple):
    """Without details (texts differ too much), ``lines`` is empty and counts cover whole sections."""

    lines: list[Line]
    added: int
    removed: int
    detailed: bool = True

    @property
    def changed(self) -> int:
        return max(self.added, self.removed)


# None: there is no text, unlike an empty one.
def compare(before: str | None, after: str | None) -> Diff:
    if before == after:
        return Diff([], 0, 0)
    old, new = _split(before), _split(after)
    start = common_start(old, new)
    end = common_start(old[start:][::-1], new[start:][::-1])
    gone, came = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(gone), len(came)) > MAX_LINES:
        return Diff([], len(came), len(gone), detailed=False)
    lines = [Line("…")] if start > CONTEXT else []
    lines += [Line(" ", text) for text in old[max(0, start - CONTEXT) : start]]
    lines += _detailed(gone, came)
    rest = old[len(old) - end :]
    lines += [Line(" ", text) for text in rest[:CONTEXT]]
    lines += [Line("…")] if len(rest) > CONTEXT else []
    added, removed = (sum(line.mark == mark for line in lines) for mark in "+-")
    if len(lines) > MAX_SHOWN:
        lines = [*lines[:MAX_SHOWN], Line("…")]
    return Diff(lines, added, removed)


def common_start(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many items both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _detailed(gone: list[str], came: list[str]) -> list[Line]:
    lines: list[Line] = []
    for act, i1, i2, j1, j2 in SequenceMatcher(None, gone, came).get_opcodes():
        if act == "equal":
            lines += _shortened(gone[i1:i2])
        else:
            lines += [Line("-", text) for text in gone[i1:i2]]
            lines += [Line("+", text) for text in came[j1:j2]]
    return lines


def _shortened(same: list[str]) -> list[Line]:
    if len(same) <= 2 * CONTEXT + 1:
        return [Line(" ", text) for text in same]
    first, last = same[:CONTEXT], same[-CONTEXT:]
    return [*(Line(" ", text) for text in first), Line("…"), *(Line(" ", text) for text in last)]


def _split(text: str | None) -> list[str]:
    if not text:
        return []
    # A newline ends a line: the text after the last one counts only if it is not empty.
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines
