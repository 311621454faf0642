"""The one line that stands for a text: in rows, titles, feeds, ``why`` and patterns."""

# Texts of verifiers and models often begin with a wrapping that says nothing: the head of a traceback, a brace, a code
# fence, a label, a comment, a sentence that ends in a colon.

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from enhancelog.domain.terminal import without_terminal_codes
from enhancelog.domain.text import cut, isolated

LOOKED_AT: Final = 10_000  # characters
LINE_CHARACTERS: Final = 240  # of a line on a page; a longer one is cut

_MESSAGES: Final = ("message", "reason", "error", "detail", "details", "description", "title", "summary", "errors")
_DEEPEST: Final = 4  # levels of JSON that are searched for a message

_TRACEBACK: Final = re.compile(r"Traceback \(most recent call last\):|Exception Group Traceback")
_FENCE: Final = re.compile(r"(?:`{3,}+|~{3,}+)[^`]*+")
_HEADING: Final = re.compile(r"#{1,6}+\s++(?P<text>\S.*)")  # one of a single word is a label
_RULE: Final = re.compile(r"[=\-*_#]{3,}+")
_LEAD_ENDS: Final = (":", "：", ":**", ":__")
_ITEM: Final = re.compile(r"(?:[-*+•‣◦]|\d{1,3}[.)])\s++(?=\S)")
_MEMBER: Final = re.compile(rf'"(?:{"|".join(_MESSAGES)})"\s*+:\s*+"((?:[^"\\]++|\\.)++)')
_COMMENT: Final = re.compile(r"<!--(?:[^-]++|-(?!->))*+(?:-->)?+")
_FIRST_LINE: Final = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]*+")  # as str.splitlines
# Signs that a text is wrapped; the first line of most texts has none.
_WRAPPED: Final = re.compile(rf"[{{\[#`~<=*_-]|{_TRACEBACK.pattern}")


def telling_line(text: str, limit: int = LINE_CHARACTERS) -> str:
    """With single spaces and without terminal codes. After ``limit`` characters it ends in an ellipsis."""
    beginning = without_terminal_codes(text.lstrip()[:LOOKED_AT]).lstrip()
    line = _FIRST_LINE.match(beginning)[0]  # type: ignore[index]  # it matches the empty text, too
    if _WRAPPED.match(line) or line.rstrip().endswith(_LEAD_ENDS):
        line = _told(_lines(beginning))
    return cut(" ".join(line.split()), limit)


def shown_line(text: str, limit: int = LINE_CHARACTERS) -> str:
    """``telling_line`` for a page, where it must not turn what stands beside it."""
    return isolated(telling_line(text, limit))


def unescaped(inside: str) -> str:
    """The text of a JSON string, without its quotes; as it is if it is none."""
    try:
        return msgspec.json.decode(f'"{inside}"', type=str)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return inside


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _told(lines: Sequence[str]) -> str:
    fallback = ""
    lines = _lines(_COMMENT.sub("", "\n".join(lines))) or lines
    for index, line in enumerate(map(str.strip, lines)):
        if _TRACEBACK.search(line):
            return _raised(lines[index + 1 :]) or line
        if line[0] in "{[":
            return _message("\n".join(lines[index:])) or line
        if heading := _HEADING.fullmatch(line):
            if " " in heading["text"]:
                return heading["text"]
            fallback = fallback or heading["text"]
        elif line.endswith(_LEAD_ENDS):
            fallback = line
        elif not _FENCE.fullmatch(line) and not _RULE.fullmatch(line):
            return _ITEM.sub("", line, count=1) if index else line
    return fallback or lines[0]


def _raised(lines: Sequence[str]) -> str:
    # The exception of the last traceback: the first line behind its frames, which are indented.
    found, among_frames = "", True
    for line in lines:
        bare = line.lstrip("|+- \t")
        if _TRACEBACK.search(line):
            among_frames = True
        elif among_frames and bare and line[0] not in " \t|+":
            found, among_frames = line, False
    return found


def _message(text: str) -> str:
    # What a JSON document says: a message of it, else the document itself. Empty if it is not JSON.
    text = _unfenced(text)
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        member = _MEMBER.search(text)  # cut off, or followed by something else
        return unescaped(member[1]) if member else ""
    return next(_messages(document, _DEEPEST), text)


def _unfenced(text: str) -> str:
    lines = text.splitlines()
    end = next((index for index, line in enumerate(lines) if _FENCE.fullmatch(line.strip())), len(lines))
    return "\n".join(lines[:end])


def _messages(value: Any, deeper: int) -> Iterator[str]:
    match value:
        case str():
            yield from _lines(value)[:1]
        case dict() if deeper:
            for name in _MESSAGES:
                yield from _messages(value.get(name), deeper - 1)
        case list() if deeper:
            for item in value[:1]:
                yield from _messages(item, deeper - 1)
