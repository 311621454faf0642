"""Highlights changed words between lines, at bounded cost."""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final, NamedTuple

from enhancelog.domain.diffs import Line

# Words between the first and the last change. Beyond, all of them count as changed.
MOST_WORDS: Final = 60

ALIKE: Final = 0.3  # minimum share of common words for two lines to be compared

_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")


class Segment(NamedTuple):
    text: str
    is_changed: bool = False


class SegmentedLine(NamedTuple):
    """A line of a diff (``mark`` as in ``diffs.Line``) in segments."""

    mark: str
    segments: list[Segment]

    @property
    def text(self) -> str:
        return "".join([segment.text for segment in self.segments])


def with_changed_words(lines: Iterable[Line]) -> list[SegmentedLine]:
    """Compares each removed line with the line added in its place."""
    segmented: list[SegmentedLine] = []
    removed: list[str] = []
    added: list[str] = []
    for line in lines:
        if line.mark == "-" and not added:
            removed.append(line.text)
        elif line.mark == "+":
            added.append(line.text)
        else:
            segmented += _changed(removed, added)
            removed, added = ([line.text], []) if line.mark == "-" else ([], [])
            if line.mark != "-":
                segmented.append(_whole(line.mark, line.text))
    return [*segmented, *_changed(removed, added)]


def _whole(mark: str, text: str) -> SegmentedLine:
    return SegmentedLine(mark, [Segment(text)])


def _changed(removed: list[str], added: list[str]) -> Iterator[SegmentedLine]:
    pairs = [_compared(old, new) for old, new in zip(removed, added, strict=False)]
    yield from (SegmentedLine("-", old) for old, _ in pairs)
    yield from (_whole("-", old) for old in removed[len(pairs) :])
    yield from (SegmentedLine("+", new) for _, new in pairs)
    yield from (_whole("+", new) for new in added[len(pairs) :])


def _compared(old: str, new: str) -> tuple[list[Segment], list[Segment]]:
    left, right = _WORD.findall(old), _WORD.findall(new)
    common = list(_common(left, right))
    if 2 * _count(left[place] for place, _ in common) < ALIKE * (_count(left) + _count(right)):
        return [Segment(old)], [Segment(new)]
    return _segments(left, {place for place, _ in common}), _segments(right, {place for _, place in common})


def _common(left: list[str], right: list[str]) -> Iterator[tuple[int, int]]:
    start = _common_start(left, right)
    end = _common_start(left[start:][::-1], right[start:][::-1])
    yield from ((place, place) for place in range(start))
    yield from ((len(left) - back, len(right) - back) for back in range(1, end + 1))
    removed, added = left[start : len(left) - end], right[start : len(right) - end]
    if max(len(removed), len(added)) <= MOST_WORDS:
        for block in SequenceMatcher(None, removed, added, autojunk=False).get_matching_blocks():
            yield from ((start + block.a + n, start + block.b + n) for n in range(block.size))


def _common_start(left: list[str], right: list[str]) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(left), len(right)))


def _count(words: Iterable[str]) -> int:
    return sum(not word.isspace() for word in words)


def _segments(words: list[str], unchanged: set[int]) -> list[Segment]:
    runs = groupby(enumerate(words), key=lambda placed: placed[0] not in unchanged)
    return [Segment("".join([word for _, word in run]), is_changed) for is_changed, run in runs]
