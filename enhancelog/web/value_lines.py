"""Values of documents, and what differs between two, as lines of bounded size."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from enhancelog.domain.diffs import MAX_SHOWN, Line, common_start, compare
from enhancelog.web.changed_words import SegmentedLine, with_changed_words

LINE_CHARACTERS: Final = 1_000
AROUND: Final = 200  # unchanged characters of a long line that are shown before and after what changed

_PLAIN: Final = re.compile(r"[^\W\d_](?:[^\n]*\S)?")
_OTHER_VALUE: Final = re.compile(r"|~|(?i:null|true|false)|[-+.\deE]+")  # what a text is not, without quotes


class Shown(NamedTuple):
    lines: list[SegmentedLine]
    cut: bool

    @property
    def size(self) -> int:
        return sum(len(line.text) + 1 for line in self.lines)


def one_sided(mark: str, value: Any, most: int) -> Shown:
    lines, left, cut = [], most, False
    for line in _lines(value):
        text = line[: min(LINE_CHARACTERS, max(left, 0))]
        cut = cut or len(text) < len(line) or left <= 0
        if left <= 0:
            break
        lines.append(Line(mark, text))
        left -= len(text) + 1
    return Shown(with_changed_words(lines), cut)


def both_sides(old: Any, new: Any, most: int) -> Shown:
    before, after = _text(old), _text(new)
    diff = compare(before, after)
    if not diff.detailed:
        removed, added = one_sided("-", old, most // 2), one_sided("+", new, most // 2)
        return Shown(removed.lines + added.lines, removed.cut or added.cut)
    lines, left = [], most
    focused = _focused(diff.lines)
    for line in focused:
        if left <= 0:
            break
        lines.append(line._replace(text=line.text[: min(LINE_CHARACTERS, left)]))
        left -= len(lines[-1].text) + 1
    cut = len(focused) > MAX_SHOWN or sum(len(line.text) + 1 for line in focused) > most - left
    return Shown(with_changed_words(lines), cut)


# The start and end that a long line has in common with the one that replaces it.
def _focused(lines: list[Line]) -> list[Line]:
    focused = list(lines)
    for at in range(len(lines) - 1):
        one, other = lines[at], lines[at + 1]
        if (one.mark, other.mark) == ("-", "+") and max(len(one.text), len(other.text)) > LINE_CHARACTERS:
            start = common_start(one.text, other.text)
            end = common_start(one.text[start:][::-1], other.text[start:][::-1])
            focused[at : at + 2] = [line._replace(text=_shortened(line.text, start, end)) for line in (one, other)]
    return focused


def _shortened(text: str, start: int, end: int) -> str:
    middle = text[start : len(text) - end]
    before, after = text[:start], text[len(text) - end :]
    if len(before) > AROUND:
        before = "…" + before[-AROUND:]
    if len(after) > AROUND:
        after = after[:AROUND] + "…"
    return before + middle + after


def _text(value: Any) -> str:
    return value if _is_text(value) else "\n".join(_lines(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not _OTHER_VALUE.fullmatch(value)


def _lines(value: Any) -> Iterator[str]:
    if _is_text(value):
        yield from value.split("\n")
    elif isinstance(value, dict | list) and value:
        yield from _nested(value)
    else:
        yield _scalar(value)


# As YAML would have it, since prompts cannot be read as JSON.
def _nested(value: Any) -> Iterator[str]:
    for key, inner in value.items() if isinstance(value, dict) else (("-", inner) for inner in value):
        start = key if isinstance(value, list) else f"{key}:"
        if isinstance(inner, str) and "\n" in inner:
            yield f"{start} |"
            yield from (f"  {line}" for line in inner.split("\n"))
        elif isinstance(inner, dict | list) and inner:
            lines = _nested(inner)
            yield f"- {next(lines)}" if isinstance(value, list) else start
            yield from (f"  {line}" for line in lines)
        else:
            yield f"{start} {_scalar(inner)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and _is_text(value):
        return value
    return msgspec.json.encode(value).decode()
