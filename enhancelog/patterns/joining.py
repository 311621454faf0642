"""Joins masked templates of one axis that differ only in words that vary. The groups depend on the set of templates
alone."""

# Rules ask only whether something is present, never whether it is absent. So another template may join groups, but
# never splits one. Joined frames are compared again until nothing changes.

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from enhancelog.patterns.filling import Rest, common, no_rest
from enhancelog.patterns.fillings import Filling, Weight, first_sentence, is_value, signature
from enhancelog.patterns.frames import Frame, Frames, Need, need
from enhancelog.patterns.tokenizer import COUNTED, HOLE, QUOTED, Key, may_vary, tokens

# Templates distinguished per axis; the caller puts later ones under "other"
MOST_TEMPLATES: Final = 2_000

_MOST_TOKENS: Final = 64
_MANY: Final = 3
_VERY_MANY: Final = 8
_MANY_TEXTS: Final = 6
_FIXED_ENOUGH: Final = 2
_FIXED_IN_SENTENCE: Final = 3  # "by Prof. Jan" is none


class Group(NamedTuple):
    """``leader`` is the first template, ``template`` what all share."""

    leader: str
    template: str
    members: tuple[str, ...]


def join(templates: Sequence[str], rest: Rest = no_rest) -> list[Group]:
    """Groups ordered by leader. Two thousand templates may take seconds; ``rest`` is called every few milliseconds."""
    joins = _Joins(rest)
    keys = {template: joins.add(template) for template in templates}
    joins.settle()
    members: dict[Key, list[str]] = defaultdict(list)
    for template, key in keys.items():
        members[joins.root(key)].append(template)
    return [Group(group[0], common(group, rest), tuple(group)) for group in members.values()]


_Found = tuple[tuple[Filling, ...], Key]  # what fills a frame, and the key it was found in


class _Place:
    __slots__ = ("found", "has_values")

    def __init__(self, found: list[_Found]) -> None:
        self.found = found
        self.has_values = False

    def joined(self, names: Container[Key]) -> tuple[list[Key], set[Key]]:
        """Keys that differ in values only; empty while what fills the frame may be words of the message. ``names`` are
        values elsewhere."""
        if not self.found:
            return [], set()
        if sum(fillings[0].weight == Weight.TEXT for fillings, _ in self.found) >= _MANY_TEXTS:
            return [key for _, key in self.found], set()
        fillings, key = self.found[0]
        holes = [
            _Filled([fillings[nth] for fillings, _ in self.found], wanted, self.has_values, names)
            for nth, wanted in enumerate(need(key, fillings))
        ]
        fewest = min(hole.different for hole in holes)
        if not fewest:
            return [], set()
        least = Weight.VERDICT if fewest >= _VERY_MANY else Weight.NOUN if fewest >= _MANY else Weight.PLAIN
        joined = [
            (key, fillings)
            for fillings, key in self.found
            if all(hole.has(filling, least) for hole, filling in zip(holes, fillings, strict=True))
        ]
        values: set[Key] = set()
        if fewest >= _MANY or self.has_values:
            values = {filling.words for _, fillings in joined for filling in fillings if filling.weight >= Weight.RUN}
        return [key for key, _ in joined], values


class _Filled:
    def __init__(self, fillings: Sequence[Filling], wanted: Need, has_values: bool, names: Container[Key]) -> None:
        self._least = wanted.beside if has_values else wanted.weight
        self._names = names
        runs = [filling.words for filling in fillings if filling.weight == Weight.RUN]
        self._has_runs = min(len({words[0] for words in runs}), len({words[-1] for words in runs})) >= wanted.words
        words = {filling.words for filling in fillings if self.has(filling, self._least)}
        values = {words for words in words if is_value(words) or words in names}
        self.different = len(words) if wanted.is_met(len(words), len(values), has_values) else 0

    def has(self, filling: Filling, least: Weight) -> bool:
        if filling.weight == Weight.RUN:
            return self._has_runs or filling.words in self._names
        return filling.weight >= min(least, self._least)


class _Joins:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._parents: dict[Key, Key] = {}
        self._signed: dict[Key, set[Key]] = {}
        self._compared: dict[Key, set[int]] = {}
        self._names: set[Key] = set()
        self._frames = Frames()
        self._alone: dict[Frame, _Found] = {}
        self._places: dict[Frame, _Place] = {}
        self._changed: set[Frame] = set()

    def add(self, template: str) -> Key:
        self._rest()
        found = tokens(template)
        key = tuple(token.key for token in found)
        kinds = {
            place: template[token.start + 1 : token.end - 1] for place, token in enumerate(found) if token.key == HOLE
        }
        self._compare(key, [place for place, kind in kinds.items() if kind not in QUOTED and kind not in COUNTED])
        return key

    def root(self, key: Key) -> Key:
        self._parents.setdefault(key, key)
        while self._parents[key] != key:
            self._parents[key] = key = self._parents[self._parents[key]]
        return key

    def settle(self) -> None:
        names: set[Key] = set()
        while self._changed:
            changed, self._changed = self._changed, set()
            for frame in changed:
                self._rest()
                joined, values = self._places[frame].joined(self._names)
                names |= values
                if joined:
                    self._join(self._places[frame].found[0], joined)
            if not self._changed and names > self._names:
                self._names |= names
                self._changed = set(self._places)

    def _join(self, found: _Found, joined: list[Key]) -> None:
        fillings, key = found
        shared = _with_holes(key, fillings)
        if len(joined) >= _MANY:
            self._compare(shared, _places(fillings))
        root = self.root(shared)
        for key in joined:
            self._parents[self.root(key)] = root

    def _compare(self, key: Key, values: Iterable[int]) -> None:
        if len(key) > _MOST_TOKENS:
            return
        self._sign(key)
        if key not in self._compared:
            self._compared[key] = set()
            for frame, fillings in self._frames.of(key):
                self._find(frame, (fillings, key))
        known = self._compared[key]
        for place in set(values) - known:
            for frame in self._frames.at(key, place, known):
                self._place(frame).has_values = True
            known.add(place)

    def _sign(self, key: Key) -> None:
        # Texts that differ in nothing but values by their form, or that begin with such a sentence
        self._signed_as(key, signature(key), _FIXED_ENOUGH)
        sentence = first_sentence(key)
        if sentence != key:
            self._signed_as(key, signature(sentence), _FIXED_IN_SENTENCE)

    def _signed_as(self, key: Key, shared: Key, fixed: int) -> None:
        if sum(map(may_vary, shared)) < fixed:
            return
        signed = self._signed.setdefault(shared, set())
        signed.add(key)
        if len(signed) > 1:
            root = self.root(shared)
            for one in signed:
                self._parents[self.root(one)] = root
            if shared not in signed:
                self._compare(shared, ())

    def _find(self, frame: Frame, found: _Found) -> None:
        if frame in self._places or frame in self._alone:
            self._place(frame).found.append(found)
        else:
            self._alone[frame] = found

    def _place(self, frame: Frame) -> _Place:
        self._changed.add(frame)
        place = self._places.get(frame)
        if place is None:
            alone = self._alone.pop(frame, None)
            place = self._places[frame] = _Place([alone] if alone else [])
        return place


def _with_holes(key: Key, fillings: tuple[Filling, ...]) -> Key:
    for filling in reversed(fillings):
        key = (*key[: filling.at], HOLE, *key[filling.until :])
    return key


def _places(fillings: tuple[Filling, ...]) -> Iterator[int]:
    shorter = 0
    for filling in fillings:
        yield filling.at - shorter
        shorter += filling.until - filling.at - 1
