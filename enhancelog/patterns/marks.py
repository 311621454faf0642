"""Marks: private characters that stand for already masked values."""

import re
from typing import Final

from enhancelog.patterns.holes import Hole, Masked

_FIRST: Final = 0xF0000
_MOST: Final = 0xFFFD
MARK: Final = f"[{chr(_FIRST)}-{chr(_FIRST + _MOST)}]"

# Kana, Han and Hangul, for a character class: words of these scripts touch what stands beside them
UNSPACED: Final = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
LETTER: Final = rf"[^\W\d_{UNSPACED}]"
# A letter, digit or underscore, but of no script whose words touch their neighbors
WORDY: Final = rf"[^\W{UNSPACED}]"

_BRACKETS: Final = str.maketrans("⟨⟩", "〈〉")
_EXISTING: Final = re.compile(MARK)
_PIVOTS: Final = frozenset({"id", "hex", "version", "path", "url", "date"})


class Marks:
    def __init__(self) -> None:
        self._holes: list[Hole] = []

    def put(self, kind: str, value: str) -> str:
        """``value`` may contain marks."""
        self._holes.append(Hole(kind, value))
        return chr(_FIRST + len(self._holes) - 1)

    def kind(self, mark: str) -> str:
        return self._holes[ord(mark) - _FIRST].kind

    def pivots(self, character: str) -> bool:
        return bool(_EXISTING.match(character)) and self.kind(character) in _PIVOTS

    def value(self, text: str) -> str:
        return _EXISTING.sub(lambda match: self.value(self._holes[ord(match.group()) - _FIRST].value), text)

    def masked(self, text: str) -> Masked:
        """The template."""
        holes = tuple(Hole(self.kind(mark), self.value(mark)) for mark in _EXISTING.findall(text))
        return Masked(_EXISTING.sub(lambda match: f"⟨{self.kind(match.group())}⟩", text), holes)


def unmarked(text: str) -> str:
    """Removes characters reserved for templates and marks."""
    return _EXISTING.sub("\ufffd", text).translate(_BRACKETS)
