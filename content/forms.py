"""Values as browsers send them."""

import re
from typing import Final

from content.kinds import Kind
from enhancelog.domain.diffs import common_start

_NEWLINE: Final = re.compile(r"\r\n|\r|\n")


def posted_value(kind: Kind, text: str, previous: str) -> str:
    """The value of a field that held ``previous``; lines around what was edited keep their line breaks."""
    return previous if _plain(text) == _plain(previous) else kind.codec.tidy(_with_line_breaks_of(previous, text))


def _with_line_breaks_of(previous: str, text: str) -> str:
    # Forms send every line break as CRLF, so the field's own are lost.
    old, new = _plain(previous).split("\n"), _plain(text).split("\n")
    breaks = _NEWLINE.findall(previous)
    usual = "\r\n" if breaks and set(breaks) == {"\r\n"} else "\n"
    room = min(len(breaks), len(new) - 1)
    before = min(common_start(old, new), room)
    after = min(common_start(old[::-1], new[::-1]), room - before)
    kept = [*breaks[:before], *[usual] * (len(new) - 1 - before - after), *breaks[len(breaks) - after :]]
    value = "".join(line + end for line, end in zip(new, [*kept, ""], strict=True))
    # An old CR may have met a new LF, which together are one line break.
    return value if _plain(value) == _plain(text) else usual.join(new)


def _plain(text: str) -> str:
    return _NEWLINE.sub("\n", text)
