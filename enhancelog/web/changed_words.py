"""The words in which changed lines differ, marked, at a bounded price."""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from enhancelog.domain.diffs import Line

MOST_WORDS: Final = 60
"""Between the first and the last word that differs; where there are more, all of them are marked."""

ALIKE: Final = 0.3
"""Lines with a lower share of words in common are not a changed line, but one that went and one that came."""

_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")


def with_marked_words(lines: Iterable[Line]) -> list[Line]:
    """The same lines as HTML: of those that went and came in the same place, the words that differ in ``<mark>``."""
    shown: list[Line] = []
    gone: list[str] = []
    came: list[str] = []
    for line in [*lines, Line(" ")]:
        if line.mark == "-" and not came:
            gone.append(line.text)
        elif line.mark == "+":
            came.append(line.text)
        else:
            shown += _changed(gone, came)
            gone, came = ([line.text], []) if line.mark == "-" else ([], [])
            shown += [] if line.mark == "-" else [Line(line.mark, escape(line.text))]
    return shown[:-1]


def _changed(gone: list[str], came: list[str]) -> Iterator[Line]:
    pairs = [_marked(old, new) for old, new in zip(gone, came, strict=False)]
    yield from (Line("-", old) for old, _ in pairs)
    yield from (Line("-", escape(old)) for old in gone[len(pairs) :])
    yield from (Line("+", new) for _, new in pairs)
    yield from (Line("+", escape(new)) for new in came[len(pairs) :])


def _marked(old: str, new: str) -> tuple[SafeString, SafeString]:
    left, right = _WORD.findall(old), _WORD.findall(new)
    same = list(_in_common(left, right))
    if 2 * _said(left[place] for place, _ in same) < ALIKE * (_said(left) + _said(right)):
        return escape(old), escape(new)
    return _with_marks(left, {place for place, _ in same}), _with_marks(right, {place for _, place in same})


def _in_common(left: list[str], right: list[str]) -> Iterator[tuple[int, int]]:
    """The places of words that stayed: those at both ends, and where few are left between, the ones there."""
    start = _same_from_start(left, right)
    end = _same_from_start(left[start:][::-1], right[start:][::-1])
    yield from ((place, place) for place in range(start))
    yield from ((len(left) - back, len(right) - back) for back in range(1, end + 1))
    gone, came = left[start : len(left) - end], right[start : len(right) - end]
    if max(len(gone), len(came)) <= MOST_WORDS:
        for block in SequenceMatcher(None, gone, came, autojunk=False).get_matching_blocks():
            yield from ((start + block.a + n, start + block.b + n) for n in range(block.size))


def _same_from_start(left: list[str], right: list[str]) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(left), len(right)))


def _said(words: Iterable[str]) -> int:
    return sum(not word.isspace() for word in words)


def _with_marks(words: list[str], kept: set[int]) -> SafeString:
    runs = groupby(enumerate(words), key=lambda placed: placed[0] in kept)
    texts = ((stayed, escape("".join(word for _, word in run))) for stayed, run in runs)
    return mark_safe("".join(text if stayed else f"<mark>{text}</mark>" for stayed, text in texts))  # noqa: S308  escaped
