"""Templates with a hole where a word, or a few, may vary, and how much must fill it before it counts as one."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from enhancelog.patterns.tokens import HOLE, is_word, may_vary
from enhancelog.patterns.words import (
    BEFORE_FIELDS,
    BEFORE_FIXED,
    BEFORE_NAMES,
    PREPOSITIONS,
    is_identifier,
    is_noun,
    is_said,
)

_MOST_WORDS: Final = 4
_MOST_PAIRED: Final = 10
_COMMA: Final = frozenset({",", "、", "and", "or", "und", "oder", "et", "y", "и", "&"})
_IN_TITLES: Final = frozenset({"of", "and", "to", "for", "in", "the", "&", "de", "la"})

Key = tuple[str, ...]
Frame = tuple[Key, tuple[int, ...]]
"""Keys with holes, and the places of the holes that stand for what varies."""


class Weight(IntEnum):
    """How much a word looks like a value."""

    VERDICT = 0
    """It says what is wrong."""
    NOUN = 1
    """It is what messages are about."""
    PLAIN = 2
    VALUE = 3
    """It is a value by its form."""


class Filling(NamedTuple):
    """Words of a key, from ``at`` until before ``until``, that may be what fills a hole."""

    at: int
    until: int
    words: str
    weight: Weight


class Need(NamedTuple):
    """How many different ``words`` of ``weight``, or ``values``, make a hole of a place, in a frame that keeps ``kept``."""

    words: int
    values: int
    weight: Weight
    kept: int

    def is_met(self, words: int, values: int, has_values: bool) -> bool:
        """``words`` and ``values`` fill the place, and, if ``has_values``, elsewhere a value by its form does."""
        beside = has_values and words >= (1 if self.kept > 1 else 2)
        return self.kept > 0 and (words >= self.words or values >= self.values or beside)


def need(frame: Frame) -> list[Need]:
    """What it takes, for every place of the frame."""
    key, places = frame
    kept = sum((len(word) + 1) // 2 if "\u3400" <= word[0] <= "\u9fff" else 1 for word in key if is_word(word))
    more = {1: 6, 2: 2}.get(kept, 0)
    needs = []
    for place in places:
        before = key[place - 1].lower() if place else ""
        if before in BEFORE_NAMES:
            words = 2 if kept > 2 else 3
        elif before in PREPOSITIONS:
            words = 2 if kept > 3 else 3
        else:
            words = 8 if before in BEFORE_FIXED else 4
        weight = Weight.NOUN if before in BEFORE_FIELDS else Weight.PLAIN
        values = (2 if kept > 1 else 3) if len(places) == 1 else 4
        needs.append(Need(words + more, values, weight, kept))
    return needs


def frames(key: Key) -> Iterator[tuple[Frame, tuple[Filling, ...]]]:
    """Every frame of the key, with what fills it there."""
    fillings = list(_fillings(key))
    for filling in fillings:
        yield ((*key[: filling.at], HOLE, *key[filling.until :]), (filling.at,)), (filling,)
    likely = [filling for filling in fillings if filling.weight > Weight.VERDICT][:_MOST_PAIRED]
    for nth, first in enumerate(likely):
        for second in likely[nth + 1 :]:
            if second.at > first.until:
                frame = (*key[: first.at], HOLE, *key[first.until : second.at], HOLE, *key[second.until :])
                yield (frame, (first.at, second.at - (first.until - first.at) + 1)), (first, second)


def _fillings(key: Key) -> Iterator[Filling]:
    """Words that may be values, few that stand together, and lists."""
    listed = 0
    for at, word in enumerate(key):
        if may_vary(word):
            yield Filling(at, at + 1, word, _weight(word))
        for until in range(at + 2, min(at + _MOST_WORDS, len(key)) + 1):
            if _is_name(key[at:until]):
                yield Filling(at, until, " ".join(key[at:until]), Weight.PLAIN)
        if at >= listed:
            listed = _list_end(key, at)
            if listed > at + 1:
                yield Filling(at, listed, " ".join(key[at:listed]), Weight.PLAIN)


def _weight(word: str) -> Weight:
    if is_identifier(word):
        return Weight.VALUE
    if is_said(word):
        return Weight.NOUN if is_noun(word) else Weight.VERDICT
    return Weight.PLAIN


def _is_name(words: Key) -> bool:
    """Whether words that stand together may be one name: no message is made of them, or they are a title."""
    if all(may_vary(word) and not is_said(word) for word in words):
        return True
    if not words[0][0].isupper() or not words[-1][0].isupper():
        return False
    return all(word in _IN_TITLES or (word[0].isupper() and word.lower() not in BEFORE_NAMES) for word in words)


def _list_end(key: Key, at: int) -> int:
    """Where the list that starts at ``at`` ends: items of one word or hole between commas."""
    end = at
    while end < len(key) and (
        key[end] == HOLE or (may_vary(key[end]) and (not is_said(key[end]) or is_noun(key[end])))
    ):
        comma = end + 1
        while comma < len(key) and key[comma] in _COMMA:
            comma += 1
        if comma == end + 1:
            return comma
        end = comma
    return at
