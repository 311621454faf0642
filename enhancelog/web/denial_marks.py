"""Which axes denied a part of a patch: those whose reasons name it. Of bounded cost."""

from collections.abc import Iterable
from typing import Final

from enhancelog.domain.pointers import Index
from enhancelog.domain.records import Verdict

SEARCHED_DENIALS: Final = 100

SHORTEST_WORD: Final = 3  # shorter names count only in quotes

_QUOTES: Final = ("`{}`", '"{}"', "'{}'", "“{}”")


class Denials:
    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        denied = [verdict for verdict in verdicts if verdict.status == "deny"][:SEARCHED_DENIALS]
        self._axes = [each.axis for each in denied]
        self._reasons = Index(each.detail for each in denied)

    def naming(self, *names: str, inside: str = "") -> list[str]:
        """The axes; ``inside``: a pointer that counts also if the reason names a place inside it."""
        found = self._reasons.naming(inside, may_continue=True).union(*map(self._reasons.naming, names))
        return list(dict.fromkeys(self._axes[number] for number in sorted(found)))


def as_word(name: str) -> list[str]:
    """What to look for, given the name of an agent or a step."""
    if len(name) >= SHORTEST_WORD:
        return [name]
    return [quotes.format(name) for quotes in _QUOTES] if name else []
