"""Durations counted in ranges that widen with the length, so that counts of several days or Blueprints add up."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Final, NamedTuple

from enhancelog.domain.intents import APART_MS, FOLLOWED
from enhancelog.domain.times import DAY_MS, HOUR_MS

# Of a thread with more attempts than are followed, only this is known. Shorter ones end before it.
NOT_FOLLOWED_MS: Final = FOLLOWED * APART_MS

_STEPS: Final = {
    1000: (1, 2, 3, 5, 7, 10, 15, 20, 30, 45),
    60_000: (1, 2, 3, 5, 7, 10, 15, 20, 30, 45),
    HOUR_MS: (1, 2, 3, 4, 6, 8, 12, 18),
    DAY_MS: (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 56, 84, 112, 168, 224),
}
_BOUNDS_MS: Final = (0, *(unit * step for unit, steps in _STEPS.items() for step in steps), NOT_FOLLOWED_MS)


class Range(NamedTuple):
    """Half-open, in ms. ``below_ms`` is ``None`` where there were too many attempts to follow."""

    from_ms: int
    below_ms: int | None


def lower_bound_ms(duration_ms: int) -> int:
    """Of the duration's range."""
    return _BOUNDS_MS[bisect_right(_BOUNDS_MS, duration_ms) - 1]


def quantile(counts: Mapping[int, int], percent: int) -> Range | None:
    """The range of the nearest rank. ``counts``: by lower bound. ``None`` if there are none."""
    bounds = sorted(counts)
    rank = max(-(-sum(counts.values()) * percent // 100), 1)
    for bound, so_far in zip(bounds, accumulate(counts[bound] for bound in bounds), strict=True):
        if so_far >= rank:
            place = bisect_right(_BOUNDS_MS, bound)
            return Range(bound, _BOUNDS_MS[place] if place < len(_BOUNDS_MS) else None)
    return None
