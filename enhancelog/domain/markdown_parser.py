"""Parses Markdown at bounded cost. ``web.markdown`` renders it; ``domain.mentions`` reads its words."""

import re
from collections.abc import Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_CHARS: Final = 30_000
MAX_BRACKETS: Final = 1_000  # the parser's time grows with the square of the brackets

MAX_CELLS: Final = 10_000  # every row of a table is filled up to as many cells as its header

MAX_NESTING: Final = 20

_LINE_END: Final = re.compile(r"\r\n?|\n")
parser: Final = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])


def exceeds_a_limit(text: str) -> bool:
    return len(text) > MAX_CHARS or text.count("[") > MAX_BRACKETS or _cells(text) > MAX_CELLS


def _cells(text: str) -> int:
    lines = _LINE_END.split(text)
    return len(lines) * max(line.count("|") for line in lines)


def inline_parts(tokens: list[Token]) -> Iterator[list[Token]]:
    yield from (token.children for token in tokens if token.type == "inline" and token.children)


def outside_links(parts: list[Token]) -> Iterator[tuple[Token, bool]]:
    # Each part, and whether it is plain text.
    depth = 0
    for part in parts:
        depth += {"link_open": 1, "link_close": -1}.get(part.type, 0)
        yield part, part.type == "text" and depth == 0
