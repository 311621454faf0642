"""Finds pointers (RFC 6901) and other names in texts, at bounded cost."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 500
SEARCHED_CHARACTERS: Final = 2_000
_SEARCHED_MATCHES: Final = 20

# Before or after a pointer, these make it part of a longer one.
_CONTINUES: Final = re.compile(r"[\w/~-]|\.\w")
_PART: Final = re.compile(r"[\w/~-]+")
_WHOLE: Final = re.compile(r"(?<![\w/~-])[\w/~-]++(?!\.\w)")


def names(text: str, pointer: str, *, may_continue: bool = False) -> bool:
    """Whether the beginning of ``text`` contains exactly this pointer, or a place inside it if it ``may_continue``."""
    if not 0 < len(pointer) <= LONGEST:
        return False
    searched = text[:SEARCHED_CHARACTERS]
    at = searched.find(pointer)
    for _ in range(_SEARCHED_MATCHES):
        if at < 0:
            return False
        end = at + len(pointer)
        ends = not _CONTINUES.match(searched[end : end + 2]) or (may_continue and searched[end : end + 1] == "/")
        if ends and not _CONTINUES.search(searched[max(0, at - 1) : at]):
            return True
        at = searched.find(pointer, at + 1)
    return False


MOST_SLASHES: Final = 32  # of a word, before which a pointer may end


class Index:
    """Which of ``texts`` name a pointer, as ``names`` says. Only for a pointer of several parts, texts are searched."""

    MOST_READ: Final = 5_000  # texts, for all pointers of several parts together; beyond, none is found

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [text[:SEARCHED_CHARACTERS] for text in texts]
        self._left = self.MOST_READ
        self._parts: dict[str, set[int]] = defaultdict(set)
        self._whole: dict[str, set[int]] = defaultdict(set)
        self._begun: dict[str, set[int]] = defaultdict(set)  # before a slash
        for number, text in enumerate(self._texts):
            for part in set(_PART.findall(text)):
                self._parts[part].add(number)
                for end in _slashes(part):
                    self._begun[part[:end]].add(number)
            for part in set(_WHOLE.findall(text)):
                self._whole[part].add(number)

    def naming(self, pointer: str, *, may_continue: bool = False) -> set[int]:
        """Numbers of the texts."""
        if not 0 < len(pointer) <= LONGEST:
            return set()
        if _PART.fullmatch(pointer):
            return _at(self._whole, pointer) | (_at(self._begun, pointer) if may_continue else set())
        parts = [_at(self._parts, part) | _at(self._begun, part) for part in set(_PART.findall(pointer))]
        possible = min(parts, key=len, default=set(range(len(self._texts))))
        self._left -= len(possible)
        if self._left < 0:
            return set()
        return {number for number in possible if names(self._texts[number], pointer, may_continue=may_continue)}


def _slashes(part: str) -> list[int]:
    return [at for at, char in enumerate(part[: LONGEST + 1]) if at and char == "/"][:MOST_SLASHES]


def _at(places: dict[str, set[int]], part: str) -> set[int]:
    return places.get(part, set())
