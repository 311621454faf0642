"""Whether the details of an axis are prose."""

import re
from collections.abc import Mapping
from typing import Final

from enhancelog.domain.search_words import search_words

FEWEST_DENIALS: Final = 50
# Patterns for each denial. Templates repeat themselves: in logs of a hundred lines and more, one pattern for three
# denials was the most that was seen. Prose has nearly as many patterns as denials.
LEAST_VARIETY: Final = 0.5
# Words of the denial in the middle, holes aside. Messages of programs have up to nine.
LEAST_WORDS: Final = 10

_HOLE: Final = re.compile("⟨[^⟨⟩]*+⟩")


def is_prose(patterns: Mapping[str, int]) -> bool:
    """``patterns``: joined templates, and the denials of each."""
    denials = sum(patterns.values())
    if denials < FEWEST_DENIALS or len(patterns) < LEAST_VARIETY * denials:
        return False
    wordy = sum(count for pattern, count in patterns.items() if _words(pattern) >= LEAST_WORDS)
    return 2 * wordy > denials


def _words(pattern: str) -> int:
    return len(search_words(_HOLE.sub(" ", pattern)))
