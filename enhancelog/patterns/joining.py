"""Which masked templates of one axis differ only in words that vary.

Templates are compared by their tokens' keys. Replacing a word (or a few that stand together, or two words apart) by a
hole gives a frame; templates that have a frame in common differ only there. They are joined when what they have there
looks like values: enough different words that no message is made of, or a value by its form beside them, while enough
words stay. A frame that joined is itself compared with the others, until nothing changes.

Every rule asks only whether something is there, never whether it is absent. So the groups depend on the set of
templates alone, and one template more may join groups but never parts one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from enhancelog.patterns.filling import common
from enhancelog.patterns.tokens import COUNTED, HOLE, QUOTED, is_word, may_vary, tokens
from enhancelog.patterns.words import BEFORE_FIXED, BEFORE_NAMES, PREPOSITIONS, is_identifier, is_said

MOST_TEMPLATES: Final = 2_000
"""Templates of one axis that are told apart; what comes later is for the caller to put under "other"."""

_MOST_TOKENS: Final = 64
_MOST_WORDS: Final = 4
_MOST_PAIRED: Final = 8
_DEEPEST: Final = 3
_NEVER: Final = 1_000_000

Key = tuple[str, ...]
Frame = tuple[Key, tuple[int, ...]]
"""Keys with holes, and the places of the holes that stand for what varies."""


class Group(NamedTuple):
    """Templates that are one pattern. ``leader`` is the first of them, ``template`` what they have in common."""

    leader: str
    template: str
    members: tuple[str, ...]


class _Filling(NamedTuple):
    at: int
    until: int
    words: str
    is_value: bool
    is_said: bool


def join(templates: Sequence[str]) -> list[Group]:
    """The groups of the templates of one axis, ordered by their leaders. Works on any texts, each once."""
    joins = _Joins()
    keys = {template: joins.add(template) for template in templates}
    joins.settle()
    members: dict[Key, list[str]] = defaultdict(list)
    for template, key in keys.items():
        members[joins.root(key)].append(template)
    return [Group(group[0], common(group), tuple(group)) for group in members.values()]


class _Place:
    """What fills one frame: the words, by the key they were found in."""

    __slots__ = ("fillings", "frame", "has_values", "joined", "needed")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.fillings: dict[tuple[_Filling, ...], Key] = {}
        self.has_values = False
        self.joined = False
        self.needed = _needed(frame)

    def is_enough(self) -> bool:
        """Whether what fills the frame is values."""
        for nth, (words, kept) in enumerate(self.needed):
            different = {fillings[nth].words for fillings in self.fillings if not fillings[nth].is_said}
            values = {fillings[nth].words for fillings in self.fillings if fillings[nth].is_value}
            enough = (
                len(different) >= words
                or (len(values) >= 2 and kept >= 2)
                or (self.has_values and len(different) >= (1 if kept >= 2 else 2))
            )
            if not enough or not kept:
                return False
        return True

    def joinable(self) -> Iterator[Key]:
        many = all(len({fillings[nth].words for fillings in self.fillings if not fillings[nth].is_said}) >= max(4, words) for nth, (words, _) in enumerate(self.needed))
        for fillings, key in self.fillings.items():
            if many or not any(filling.is_said for filling in fillings):
                yield key


def _needed(frame: Frame) -> list[tuple[int, int]]:
    """For every place of the frame: how many different words make it a hole, and how many words are kept."""
    key, places = frame
    kept = sum((len(word) + 1) // 2 if "\u3400" <= word[0] <= "\u9fff" else 1 for word in key if is_word(word))
    needed = []
    for place in places:
        before = key[place - 1].lower() if place else ""
        words = 2 if before in BEFORE_NAMES and kept >= 3 else 3 if before in PREPOSITIONS else 8 if before in BEFORE_FIXED else 4
        needed.append((words + {0: _NEVER, 1: 6, 2: 2}.get(kept, 0), kept))
    return needed


class _Joins:
    """Union-find over keys, with the frames they have in common."""

    def __init__(self) -> None:
        self._parents: dict[Key, Key] = {}
        self._depths: dict[Key, int] = {}
        self._values: dict[Key, set[int]] = defaultdict(set)
        self._places: dict[Frame, _Place] = {}
        self._changed: dict[Frame, None] = {}

    def add(self, template: str) -> Key:
        """The key of ``template``, which is compared from now on."""
        found = tokens(template)
        key = tuple(token.key for token in found)
        kinds = {place: template[token.start + 1 : token.end - 1] for place, token in enumerate(found) if token.key == HOLE}
        self._compare(key, 0, [place for place, kind in kinds.items() if kind not in QUOTED and kind not in COUNTED])
        return key

    def root(self, key: Key) -> Key:
        while self._parents[key] != key:
            self._parents[key] = key = self._parents[self._parents[key]]
        return key

    def settle(self) -> None:
        """Joins until nothing changes."""
        while self._changed:
            frame, _ = self._changed.popitem()
            place = self._places[frame]
            if not place.is_enough():
                continue
            key, places = frame
            self._compare(key, len(places) + min(self._depths[found] for found in place.fillings.values()), places)
            for found in place.joinable():
                self._parents[self.root(found)] = self.root(key)

    def _compare(self, key: Key, depth: int, values: Iterable[int]) -> None:
        """Lets ``key`` take part, known to have values by their form, or joined ones, at the places ``values``."""
        if key not in self._parents:
            self._parents[key] = key
            self._depths[key] = depth
            if depth <= _DEEPEST and len(key) <= _MOST_TOKENS:
                for frame, fillings in _frames(key):
                    self._place(frame).fillings[fillings] = key
        new = set(values) - self._values[key]
        if not new:
            return
        self._values[key] |= new
        for place in self._values[key]:
            self._place((key, (place,))).has_values = True
            for other in self._values[key]:
                if place < other:
                    self._place((key, (place, other))).has_values = True

    def _place(self, frame: Frame) -> _Place:
        place = self._places.get(frame)
        if place is None:
            place = self._places[frame] = _Place(frame)
        self._changed[frame] = None
        return place


def _frames(key: Key) -> Iterator[tuple[Frame, tuple[_Filling, ...]]]:
    single: list[_Filling] = []
    for filling in _fillings(key):
        place = filling.at
        yield ((*key[:place], HOLE, *key[filling.until :]), (place,)), (filling,)
        if filling.until == place + 1 and not filling.is_said:
            single.append(filling)
    for nth, first in enumerate(single[:_MOST_PAIRED]):
        for second in single[nth + 1 : _MOST_PAIRED]:
            if second.at > first.at + 1:
                frame = (*key[: first.at], HOLE, *key[first.at + 1 : second.at], HOLE, *key[second.at + 1 :])
                yield (frame, (first.at, second.at)), (first, second)


def _fillings(key: Key) -> Iterator[_Filling]:
    """Words that may be values, and few that stand together."""
    for at, word in enumerate(key):
        if not may_vary(word):
            continue
        yield _Filling(at, at + 1, word, is_identifier(word), is_said(word))
        for until in range(at + 2, min(at + _MOST_WORDS, len(key)) + 1):
            words = key[at:until]
            if not may_vary(words[-1]) and not words[-1] == HOLE:
                continue
            if _is_name(words):
                yield _Filling(at, until, " ".join(words), False, False)


def _is_name(words: Key) -> bool:
    if all(may_vary(word) and not is_said(word) for word in words):
        return True
    return words[0][0].isupper() and words[-1][0].isupper() and all(
        (word[0].isupper() and word.lower() not in BEFORE_NAMES) or word in ("of", "and", "to", "for", "in", "&", "the", "de") for word in words
    )
