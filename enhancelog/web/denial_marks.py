"""Which axes denied a part of a patch: those whose reasons name it. Of bounded cost."""

from collections.abc import Iterable
from typing import Final

from enhancelog.domain import pointers
from enhancelog.domain.records import Verdict

# Searching reasons costs reasons times names.
SEARCHED_DENIALS: Final = 100

SHORTEST_WORD: Final = 3  # shorter names count only in quotes

_QUOTES: Final = ("`{}`", '"{}"', "'{}'", "“{}”")


class Denials:
    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        denied = [verdict for verdict in verdicts if verdict.status == "deny"][:SEARCHED_DENIALS]
        self._reasons = [(each.axis, each.detail) for each in denied]

    def naming(self, *names: str, inside: str = "") -> list[str]:
        """The axes; ``inside``: a pointer that counts also if the reason names a place inside it."""
        axes = [
            axis
            for axis, text in self._reasons
            if any(pointers.names(text, name) for name in names) or pointers.names(text, inside, may_continue=True)
        ]
        return list(dict.fromkeys(axes))


def as_word(name: str) -> list[str]:
    """What to look for, given the name of an agent or a step."""
    if len(name) >= SHORTEST_WORD:
        return [name]
    return [quotes.format(name) for quotes in _QUOTES] if name else []
