"""Texts compared by their words: reasons that say the same of different things, intents that ask for the same.

Pure functions. Both look only at the beginning of a text, so that no text costs more than another.
"""

import re
from typing import Final

LONGEST: Final = 1000
"""Characters that are looked at."""

LONGEST_WORDING: Final = 200

_MASKS: Final = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "#"),
    (re.compile(r"`[^`]*`|\"[^\"]*\"|“[^”]*”|«[^»]*»|「[^」]*」|(?<!\w)'[^']*'(?!\w)"), '"…"'),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{7,}\b"), "#"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "#"),
)
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def wording(reason: str) -> str:
    """The first line of a reason without what varies from run to run: quoted words, hashes and numbers."""
    text = first_line(reason, LONGEST)
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return cut(text, LONGEST_WORDING)


def words(text: str) -> frozenset[str]:
    """The lower-cased words; where a script has no spaces, every character is one."""
    return frozenset(_WORD.findall(text[:LONGEST].lower()))


def similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard: the share of words in common, 0 to 1; 0 for two texts without words."""
    return len(first & second) / len(first | second) if first or second else 0.0


def first_line(text: str, length: int) -> str:
    """The first line that is not blank, its white space made single, at most ``length`` characters."""
    lines = (line for line in text[: 4 * length].splitlines() if line.strip())
    return cut(" ".join(next(lines, "").split()), length)


def cut(text: str, length: int) -> str:
    """``text``, or its beginning and an ellipsis, at most ``length`` characters in all."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
