"""Templates with a hole where words may vary, and the evidence that a hole requires."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from enhancelog.patterns.fillings import Filling, Weight, fillings
from enhancelog.patterns.tokenizer import Key, is_han, is_word
from enhancelog.patterns.words import BEFORE_FIXED, BEFORE_NAMES, BEFORE_STATES, PREPOSITIONS

_MOST_PAIRED: Final = 8
_MOST_KEPT: Final = 3
_FIXED_ENOUGH: Final = 4
_LONG: Final = 6
_NEVER: Final = 1_000_000
_OPENING: Final = frozenset("([{<:=@#$\"'")

# A key with one or two holes, as numbers for the parts before, between and after them
Frame = tuple[int, ...]


class Need(NamedTuple):
    """How many different ``words`` or ``values`` make a hole among ``kept`` words. Words of weight ``beside`` suffice
    if a value by its form fills the place elsewhere."""

    words: int
    values: int
    weight: Weight
    beside: Weight
    kept: int

    def is_met(self, words: int, values: int, has_values: bool) -> bool:
        beside = has_values and words >= (1 if self.kept >= _FIXED_ENOUGH else 2)
        return self.kept > 0 and (words >= self.words or values >= self.values or beside)


def need(key: Key, filled_by: tuple[Filling, ...]) -> list[Need]:
    filled = {place for filling in filled_by for place in range(filling.at, filling.until)}
    kept = sum(
        (len(word) + 1) // 2 if is_han(word) else 1
        for place, word in enumerate(key)
        if place not in filled and is_word(word)
    )
    return [_need(key, filling, kept, len(filled_by) > 1) for filling in filled_by]


def _need(key: Key, filling: Filling, kept: int, is_paired: bool) -> Need:
    # Two fixed messages rarely differ in two places, so a pair needs fewer words.
    before = next((word.lower() for word in reversed(key[: filling.at]) if word not in _OPENING), "")
    values = 2 if kept > (3 if is_paired else 1) else 3 if kept > 1 else 4
    # What begins a short text is often what it is about.
    if before in BEFORE_FIXED or (not filling.at and kept < _FIXED_ENOUGH):
        values = max(values, 3)
    weight = Weight.NOUN if kept >= _LONG else Weight.PLAIN
    if key[filling.at - 1 : filling.at] in (("(",), ("=",)):
        weight = Weight.NOUN
    words = 3 if kept >= _LONG and not filling.at else _fewest(before)[min(kept, _MOST_KEPT)]
    if before in BEFORE_STATES:
        words, weight = 3, Weight.VERDICT
    beside = min(weight, Weight.NOUN) if kept >= _FIXED_ENOUGH and before not in BEFORE_NAMES else weight
    return Need(max(words, 2), values, weight, beside, kept)


def _fewest(before: str) -> tuple[int, ...]:
    if before in BEFORE_NAMES:
        return (_NEVER, 6, 3, 2)
    if before in PREPOSITIONS:
        return (_NEVER, 8, 4, 3)
    return (_NEVER, 14, 10, 8) if before in BEFORE_FIXED else (_NEVER, 10, 6, 4)


class Frames:
    """Equal numbers mean equal keys."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str], int] = {}
        self._middles: dict[Key, int] = {}

    def of(self, key: Key) -> Iterator[tuple[Frame, tuple[Filling, ...]]]:
        before, after = self._sides(key)
        found = fillings(key)
        for filling in found:
            yield (before[filling.at], after[filling.until]), (filling,)
        likely = [filling for filling in found if filling.weight > Weight.VERDICT]
        one = [filling for filling in likely if filling.until == filling.at + 1][:_MOST_PAIRED]
        few = [filling for filling in likely if filling.until > filling.at + 1][:_MOST_PAIRED]
        likely = sorted(one + few)
        for nth, first in enumerate(likely):
            for second in likely[nth + 1 :]:
                if second.at > first.until:
                    between = self._middle(key[first.until : second.at])
                    yield (before[first.at], between, after[second.until]), (first, second)

    def at(self, key: Key, place: int, others: Iterable[int]) -> Iterator[Frame]:
        before, after = self._sides(key)
        yield before[place], after[place + 1]
        for other in others:
            first, second = sorted((place, other))
            yield before[first], self._middle(key[first + 1 : second]), after[second + 1]

    def _sides(self, key: Key) -> tuple[list[int], list[int]]:
        return self._chain(1, key), self._chain(-1, key[::-1])[::-1]

    def _chain(self, number: int, key: Key) -> list[int]:
        numbers = [number]
        for word in key:
            number = self._numbers.setdefault((number, word), len(self._numbers) + 2)
            numbers.append(number)
        return numbers

    def _middle(self, words: Key) -> int:
        return self._middles.setdefault(words, len(self._middles))
