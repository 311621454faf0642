"""Simpler ways to group prose, to compare with. Each is given the threshold that did best on the half for choosing."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from math import log, sqrt

from enhancelog.domain.search_words import search_words
from enhancelog.themes.content_words import content_words
from tests.patterns.scoring import grouped

Grouping = Callable[[Sequence[str]], Sequence[Hashable]]


def patterns(details: Sequence[str]) -> Sequence[Hashable]:
    """What a log shows without themes."""
    return grouped(details)


def jaccard(least: float) -> Grouping:
    """Single linkage: one chain of details of which each shares enough words with the next is one group."""

    def group(details: Sequence[str]) -> list[int]:
        words = [set(search_words(detail)) for detail in details]
        return _chained(
            len(words), lambda one, two: len(words[one] & words[two]) >= least * len(words[one] | words[two])
        )

    return group


def cosine(least: float, words_of: Callable[[str], Sequence[str]] = search_words) -> Grouping:
    """TF-IDF over all details; each joins the group whose first detail is the most like it."""

    def group(details: Sequence[str]) -> list[int]:
        vectors = _vectors([set(words_of(detail)) for detail in details])
        groups: list[int] = []
        firsts: list[int] = []
        for number, vector in enumerate(vectors):
            alike = [(_product(vector, vectors[first]), -first) for first in firsts]
            value, first = max(alike, default=(0.0, 0))
            if value < least:
                firsts.append(number)
                first = -number
            groups.append(-first)
        return groups

    return group


def cosine_of_content_words(least: float) -> Grouping:
    """The same with the words that themes go by."""
    return cosine(least, lambda detail: list(content_words(detail)))


def _vectors(details: Sequence[set[str]]) -> list[dict[str, float]]:
    frequencies = Counter(word for words in details for word in words)
    vectors = [{word: log(len(details) / frequencies[word]) for word in sorted(words)} for words in details]
    lengths = [sqrt(sum(value * value for value in vector.values())) or 1.0 for vector in vectors]
    return [
        {word: value / length for word, value in vector.items()}
        for vector, length in zip(vectors, lengths, strict=True)
    ]


def _product(one: dict[str, float], two: dict[str, float]) -> float:
    return sum(value * two[word] for word, value in one.items() if word in two)


def _chained(many: int, is_linked: Callable[[int, int], bool]) -> list[int]:
    roots = list(range(many))

    def root(number: int) -> int:
        while roots[number] != number:
            number = roots[number]
        return number

    for two in range(many):
        for one in range(two):
            if root(one) != root(two) and is_linked(one, two):
                roots[root(two)] = root(one)
    return [root(number) for number in range(many)]
