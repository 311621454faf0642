"""``@name`` in Markdown: people who are mentioned. Code and links mention nobody."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from enhancelog.domain import markdown_parser
from enhancelog.domain.terminal import without_terminal_codes

MOST_LOOKED_UP: Final = 200  # different names after an @, the first ones
LONGEST_NAME: Final = 150  # of Django's users

# Names of users contain these. A point after a name may end its sentence.
_MENTION: Final = re.compile(r"(?<![\w.@+\-])@([\w.@+\-]++)")
_PUNCTUATION: Final = ".@+-"


def candidates(text: str) -> list[str]:
    """Names that may be users'."""
    text = without_terminal_codes(text)
    if "@" not in text or markdown_parser.exceeds_a_limit(text):
        return []
    found: dict[str, None] = {}
    for run in _runs(text):
        for name in _names(run):
            found.setdefault(name)
        if len(found) >= MOST_LOOKED_UP:
            break
    return list(found)


def mentioned(text: str, users: Collection[str]) -> list[str]:
    """Of these users, in the order of the text, each once."""
    text = without_terminal_codes(text)
    if not users or "@" not in text or markdown_parser.exceeds_a_limit(text):
        return []
    names = (_known(run, users) for run in _runs(text))
    return list(dict.fromkeys(name for name in names if name))


def split(words: str, users: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Plain text in parts, and whether a part mentions one of these users."""
    end = 0
    for match in _MENTION.finditer(words):
        name = _known(match[1], users)
        if name:
            yield words[end : match.start()], False
            end = match.start(1) + len(name)
            yield words[match.start() : end], True
    yield words[end:], False


def _runs(text: str) -> Iterator[str]:
    for parts in markdown_parser.inline_parts(markdown_parser.parser.parse(text)):
        for part, is_plain in markdown_parser.outside_links(parts):
            if is_plain:
                yield from (match[1] for match in _MENTION.finditer(part.content))


def _known(run: str, users: Collection[str]) -> str:
    return next((name for name in _names(run) if name in users), "")


def _names(run: str) -> Iterator[str]:
    for name in dict.fromkeys((run, run.rstrip(_PUNCTUATION))):
        if 0 < len(name) <= LONGEST_NAME:
            yield name
