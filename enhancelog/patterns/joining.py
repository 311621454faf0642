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
from enhancelog.patterns.frames import Filling, Frame, Key, Weight, frames, need
from enhancelog.patterns.tokens import COUNTED, HOLE, QUOTED, tokens

MOST_TEMPLATES: Final = 2_000
"""Templates of one axis that are told apart; what comes later is for the caller to put under "other"."""

_MOST_TOKENS: Final = 64
_DEEPEST: Final = 3
_MANY: Final = 4
_VERY_MANY: Final = 8


class Group(NamedTuple):
    """Templates that are one pattern. ``leader`` is the first of them, ``template`` what they have in common."""

    leader: str
    template: str
    members: tuple[str, ...]


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
    """What fills one frame, by the key it was found in."""

    def __init__(self, frame: Frame) -> None:
        self.found: dict[tuple[Filling, ...], Key] = {}
        self.has_values = False
        self._needs = need(frame)

    def joined(self) -> Iterator[Key]:
        """The keys that differ in values only: none, while what fills the frame may be words of the message."""
        fewest = _VERY_MANY
        for nth, wanted in enumerate(self._needs):
            fillings = [found[nth] for found in self.found]
            words = {filling.words for filling in fillings if filling.weight >= wanted.weight}
            values = {filling.words for filling in fillings if filling.weight == Weight.VALUE}
            if not wanted.is_met(len(words), len(values), self.has_values):
                return
            fewest = min(fewest, len(words))
        least = Weight.VERDICT if fewest >= _VERY_MANY else Weight.NOUN if fewest >= _MANY else Weight.PLAIN
        for fillings, key in self.found.items():
            if all(
                filling.weight >= min(least, wanted.weight)
                for filling, wanted in zip(fillings, self._needs, strict=True)
            ):
                yield key


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
        kinds = {
            place: template[token.start + 1 : token.end - 1] for place, token in enumerate(found) if token.key == HOLE
        }
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
            joined = list(self._places[frame].joined())
            if not joined:
                continue
            key, places = frame
            self._compare(key, len(places) + min(self._depths[found] for found in joined), places)
            for found in joined:
                self._parents[self.root(found)] = self.root(key)

    def _compare(self, key: Key, depth: int, values: Iterable[int]) -> None:
        """Lets ``key`` take part, known to have values by their form, or joined ones, at the places ``values``."""
        if key not in self._parents:
            self._parents[key] = key
            self._depths[key] = depth
            if depth <= _DEEPEST and len(key) <= _MOST_TOKENS:
                for frame, fillings in frames(key):
                    self._place(frame).found[fillings] = key
        known = self._values[key]
        for place in set(values) - known:
            self._place((key, (place,))).has_values = True
            for other in known:
                self._place((key, (min(place, other), max(place, other)))).has_values = True
            known.add(place)

    def _place(self, frame: Frame) -> _Place:
        self._changed[frame] = None
        if frame not in self._places:
            self._places[frame] = _Place(frame)
        return self._places[frame]
