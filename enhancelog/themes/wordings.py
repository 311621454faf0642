"""Wordings of an axis, and how alike they are (TF-IDF, cosine)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import log, sqrt
from typing import Final

from msgspec import Struct

from enhancelog.themes import content_words

# Beginnings that a wording keeps: its most frequent ones, whenever it has twice as many
_MOST_KEPT: Final = 64

Vector = dict[str, float]


class Wording(Struct):
    """Denials that share most of their words."""

    theme: int
    forms: dict[str, str]  # by beginning, a word
    counts: dict[str, int]  # by beginning, denials that have it
    denials: int = 1
    folded: int = 1  # wordings that it is made of
    # Of the mean of their unit vectors, so that a folded one is as alike as its parts are on average. With length 1 it
    # would be more alike to anything than they are, and take up more and more.
    length: float = 1.0

    def add(self, words: Mapping[str, str]) -> None:
        self._count(words, dict.fromkeys(words, 1))
        self.denials += 1

    def fold(self, other: "Wording") -> None:
        self._count(other.forms, other.counts)
        self.denials += other.denials
        self.folded += other.folded

    def shares(self) -> Iterator[tuple[str, float]]:
        for word, count in self.counts.items():
            yield word, count / self.denials

    def _count(self, forms: Mapping[str, str], counts: Mapping[str, int]) -> None:
        for word, count in counts.items():
            self.counts[word] = self.counts.get(word, 0) + count
            self.forms.setdefault(word, forms[word])
        if len(self.counts) > 2 * _MOST_KEPT:
            kept = sorted(self.counts, key=lambda word: (-self.counts[word], word))[:_MOST_KEPT]
            self.counts = {word: self.counts[word] for word in kept}
            self.forms = {word: self.forms[word] for word in kept}


class Saved(Struct):
    wordings: dict[int, Wording]
    rarities: dict[str, float]  # as of the last ``weigh``
    highest: float  # the rarity of a word that is new since


class Wordings:
    def __init__(self, saved: Saved | None = None) -> None:
        self.saved = saved or Saved({}, {}, 1.0)
        self.by_number = self.saved.wordings
        self._vectors: dict[int, Vector] = {}
        self._index: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._place_all()

    def alike(self, words: Mapping[str, str]) -> dict[int, float]:
        """Cosines of wordings that share words."""
        return self._alike(self._unit((word, 1.0) for word in words))

    def all_alike(self, rest: Callable[[], None]) -> dict[int, dict[int, float]]:
        found = {}
        for number, vector in self._vectors.items():
            rest()
            found[number] = self._alike(vector)
            found[number].pop(number, None)
        return found

    def put(self, number: int, wording: Wording) -> None:
        self.by_number[number] = wording
        self._place(number)

    def add(self, number: int, words: Mapping[str, str]) -> None:
        self.by_number[number].add(words)
        self._place(number)

    def fold(self, into: int, taken: int) -> None:
        one, two = self.by_number[into], self.by_number[taken]
        vectors = (self._vectors[into], one.folded), (self._vectors[taken], two.folded)
        one.fold(two)
        one.length = _mean_length(vectors)
        self._place(into)
        self.remove(taken)

    def remove(self, number: int) -> None:
        self._displace(number)
        del self.by_number[number]

    def weigh(self) -> None:
        """The fewer wordings have a word, the more it weighs."""
        present: dict[str, float] = defaultdict(float)
        for wording in self.by_number.values():
            for word, share in wording.shares():
                present[word] += share
        many = max(len(self.by_number), 2)
        self.saved.rarities = {word: max(0.0, log(many / max(share, 1.0))) for word, share in present.items()}
        self.saved.highest = log(many)
        self._place_all()

    def _place_all(self) -> None:
        self._vectors.clear()
        self._index.clear()
        for number in self.by_number:
            self._place(number)

    def _place(self, number: int) -> None:
        self._displace(number)
        wording = self.by_number[number]
        vector = self._vectors[number] = self._unit(wording.shares(), wording.length)
        for word, value in vector.items():
            self._index[word][number] = value

    def _displace(self, number: int) -> None:
        for word in self._vectors.pop(number, ()):
            having = self._index[word]
            del having[number]
            if not having:
                del self._index[word]

    def _unit(self, shares: Iterator[tuple[str, float]], length: float = 1.0) -> Vector:
        rarities, highest = self.saved.rarities, self.saved.highest
        vector = {word: share * rarities.get(word, highest) for word, share in shares}
        scale = length / (sqrt(sum(value * value for value in vector.values())) or 1.0)
        return {word: value * scale for word, value in vector.items() if value}

    def _alike(self, vector: Vector) -> dict[int, float]:
        found: defaultdict[int, float] = defaultdict(float)
        for word, value in vector.items():
            for number, other in self._index.get(word, {}).items():
                found[number] += value * other
        return found


def _mean_length(vectors: tuple[tuple[Vector, int], ...]) -> float:
    total: defaultdict[str, float] = defaultdict(float)
    for vector, folded in vectors:
        for word, value in vector.items():
            total[word] += value * folded
    return sqrt(sum(value * value for value in total.values())) / sum(folded for _, folded in vectors)


def labels(wordings: Iterable[Wording], most: int) -> dict[int, tuple[str, ...]]:
    """By theme: words frequent in it and rare outside, the most telling first."""
    everywhere: defaultdict[str, int] = defaultdict(int)
    inside: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    forms: dict[str, str] = {}
    members: defaultdict[int, int] = defaultdict(int)
    for wording in wordings:
        members[wording.theme] += wording.denials
        for word, form in wording.forms.items():
            if word == form[: content_words.LONG]:
                everywhere[word] += wording.counts[word]
                inside[wording.theme][word] += wording.counts[word]
                forms.setdefault(word, form)
    denials = sum(members.values())
    found = {}
    for theme, counts in sorted(inside.items()):
        shares = {word: count / members[theme] for word, count in counts.items()}
        telling = {word: share * log(share * denials / everywhere[word]) for word, share in shares.items()}
        ranked = sorted(telling, key=lambda word: (-telling[word], word))
        # Of words that begin alike, one.
        first = {word[: content_words.SHORT]: word for word in reversed(ranked)}
        found[theme] = tuple(forms[word] for word in ranked if first[word[: content_words.SHORT]] == word)[:most]
    return found
