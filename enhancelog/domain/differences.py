"""Which features are more frequent in one set of entries than in another, with false discoveries held down."""

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from enhancelog.domain.intervals import FEW, Interval, difference

FALSE_DISCOVERIES: Final = 0.05  # at most so many of the differences claimed are none, on average
MOST_TESTED: Final = 2_000  # features

# A filter's name and its value.
Feature = tuple[str, str]


class Counted(NamedTuple):
    """``features``: how many of the entries have each."""

    entries: int
    features: Mapping[Feature, int]


class Difference(NamedTuple):
    """``interval``: of the share inside minus the share outside, 95 %. ``p``: two-sided."""

    feature: Feature
    inside: int
    outside: int
    interval: Interval
    p: float

    @property
    def strength(self) -> float:
        """The bound of the interval that is nearer to none; not positive if it includes none."""
        return max(self.interval.low, -self.interval.high)


class Comparison(NamedTuple):
    """``found``: strongest first, of those tested."""

    tested: int
    found: list[Difference]


def compare(inside: Counted, outside: Counted, is_implied: Callable[[Feature], bool]) -> Comparison:
    """Tests the most frequent of the features that ``FEW`` entries of a side have and the filters do not imply."""
    if min(inside.entries, outside.entries) < FEW:
        return Comparison(0, [])
    features = [
        feature
        for feature in {*inside.features, *outside.features}
        if _can_differ(feature, inside, outside) and not is_implied(feature)
    ]
    # By frequency, which says nothing about the difference.
    features.sort(key=lambda feature: (-inside.features.get(feature, 0) - outside.features.get(feature, 0), feature))
    tested = [_difference(feature, inside, outside) for feature in features[:MOST_TESTED]]
    found = discoveries(tested)
    return Comparison(len(tested), sorted(found, key=_strongest_first))


def discoveries(tested: list[Difference]) -> list[Difference]:
    """By Benjamini and Hochberg."""
    ranked = sorted(tested, key=lambda each: each.p)
    small = [rank for rank, each in enumerate(ranked, 1) if each.p <= FALSE_DISCOVERIES * rank / len(ranked)]
    return ranked[: max(small, default=0)]


def fisher(part: int, whole: int, other_part: int, other_whole: int) -> float:
    """Two-sided p-value that both shares are equal: Fisher's exact test, its smaller tail doubled."""
    total, parts = whole + other_whole, part + other_part
    # From the observed number away from the expected one, where each term is smaller than the one before.
    if part * total < parts * whole:  # the lower tail is the upper one of the other side
        part, whole, other_part, other_whole = other_part, other_whole, part, whole
    term = math.exp(_log_choose(whole, part) + _log_choose(other_whole, other_part) - _log_choose(total, parts))
    tail = 0.0
    while term > tail * 1e-12:
        tail += term
        term *= (whole - part) * other_part / ((part + 1) * (other_whole - other_part + 1))
        part, other_part = part + 1, other_part - 1
    return min(1.0, 2 * tail)


def _strongest_first(each: Difference) -> tuple[float, float, Feature]:
    # Of two features that exclude each other, first the one that is more frequent inside.
    return -round(each.strength, 9), -each.interval.low, each.feature


def _can_differ(feature: Feature, inside: Counted, outside: Counted) -> bool:
    here, there = inside.features.get(feature, 0), outside.features.get(feature, 0)
    return max(here, there) >= FEW and (here, there) != (inside.entries, outside.entries)


def _difference(feature: Feature, inside: Counted, outside: Counted) -> Difference:
    here, there = inside.features.get(feature, 0), outside.features.get(feature, 0)
    four = (here, inside.entries, there, outside.entries)
    return Difference(feature, here, there, difference(*four), fisher(*four))


def _log_choose(whole: int, part: int) -> float:
    return math.lgamma(whole + 1) - math.lgamma(part + 1) - math.lgamma(whole - part + 1)
