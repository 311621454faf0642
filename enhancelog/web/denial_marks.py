"""Which axes denied a part of a patch: those whose reasons name it. Of bounded cost."""

import re
from collections.abc import Iterable
from typing import Final

from enhancelog.domain.records import Verdict

# Searching reasons costs reasons times names.
SEARCHED_DENIALS: Final = 100
SEARCHED_CHARACTERS: Final = 2_000
SEARCHED_MATCHES: Final = 20
LONGEST_NAME: Final = 500

SHORTEST_WORD: Final = 3  # shorter names count only in quotes

# Before or after a name, these make it part of a longer one.
_CONTINUES: Final = re.compile(r"[\w/~-]|\.\w")
_QUOTES: Final = ("`{}`", '"{}"', "'{}'", "“{}”")


class Denials:
    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        denied = [verdict for verdict in verdicts if verdict.status == "deny"][:SEARCHED_DENIALS]
        self._reasons = [(each.axis, each.detail[:SEARCHED_CHARACTERS]) for each in denied]

    def naming(self, *names: str, inside: str = "") -> list[str]:
        """The axes; ``inside``: a pointer that counts also if the reason names a place inside it."""
        wanted = [name for name in names if 0 < len(name) <= LONGEST_NAME]
        if 0 < len(inside) < LONGEST_NAME:
            wanted.append(inside)
        axes = [axis for axis, text in self._reasons if any(_names(text, name, name == inside) for name in wanted)]
        return list(dict.fromkeys(axes))


def as_word(name: str) -> list[str]:
    """What to look for, given the name of an agent or a step."""
    if len(name) >= SHORTEST_WORD:
        return [name]
    return [quotes.format(name) for quotes in _QUOTES] if name else []


def _names(text: str, name: str, may_continue: bool = False) -> bool:
    at = text.find(name)
    for _ in range(SEARCHED_MATCHES):
        if at < 0:
            return False
        end = at + len(name)
        is_inside = may_continue and text[end : end + 1] == "/"
        if not _CONTINUES.search(text[max(0, at - 1) : at]) and (
            is_inside or not _CONTINUES.match(text[end : end + 2])
        ):
            return True
        at = text.find(name, at + 1)
    return False
