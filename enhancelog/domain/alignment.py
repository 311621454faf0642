"""Which items of two lists correspond, at bounded cost."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise, zip_longest
from typing import Any, Final

from enhancelog.domain.diffs import common_start

# Pairs of items that one comparison of documents looks at, in all lists together: 25 ms. Beyond, by position.
MOST_PAIRS: Final = 250_000

Pair = tuple[int | None, int | None]


class Budget:
    def __init__(self, pairs: int = MOST_PAIRS) -> None:
        self._left = pairs

    def take(self, pairs: int) -> bool:
        if pairs > self._left:
            return False
        self._left -= pairs
        return True


def aligned(old: Sequence[Any], new: Sequence[Any], budget: Budget) -> list[Pair]:
    """Equal items in the same order, as many as possible. What is between them, by position."""
    start = common_start(old, new)
    end = common_start(old[start:][::-1], new[start:][::-1])
    middle = _longest(old[start : len(old) - end], new[start : len(new) - end], budget)
    equal = [(place, place) for place in range(start)]
    equal += [(start + i, start + j) for i, j in middle]
    equal += [(len(old) - back, len(new) - back) for back in range(end, 0, -1)]
    pairs: list[Pair] = []
    for (i, j), (next_i, next_j) in pairwise([(-1, -1), *equal, (len(old), len(new))]):
        pairs += [(i, j)] if i >= 0 else []
        pairs += zip_longest(range(i + 1, next_i), range(j + 1, next_j))
    return pairs


def _longest(old: Sequence[Any], new: Sequence[Any], budget: Budget) -> list[tuple[int, int]]:
    if not old or not new or not budget.take(len(old) * len(new)):
        return []
    lengths = [[0] * (len(new) + 1)]
    for one in reversed(old):
        below, row = lengths[-1], [0]
        for at, other in enumerate(reversed(new)):
            row.append(below[at] + 1 if one == other else max(below[at + 1], row[at]))
        lengths.append(row)
    found, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif lengths[len(old) - i - 1][len(new) - j] >= lengths[len(old) - i][len(new) - j - 1]:
            i += 1
        else:
            j += 1
    return found


def moved(places: Sequence[int]) -> list[bool]:
    """Of distinct numbers, the fewest without which the others increase."""
    ends: list[int] = []  # of increasing rows by length, the smallest last number
    last_of: list[int] = []
    before: list[int | None] = []
    for at, place in enumerate(places):
        length = bisect_left(ends, place)
        before.append(last_of[length - 1] if length else None)
        ends[length : length + 1] = [place]
        last_of[length : length + 1] = [at]
    stays = [False] * len(places)
    at_last = last_of[-1] if last_of else None
    while at_last is not None:
        stays[at_last] = True
        at_last = before[at_last]
    return [not stay for stay in stays]
