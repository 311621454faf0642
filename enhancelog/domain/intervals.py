"""How far a rate can be trusted."""

import math
from typing import Final, NamedTuple

import msgspec

FEW: Final = 20  # pages mark the rate of fewer runs

_Z: Final = 1.96  # of 95 %


class Interval(NamedTuple):
    """Of a rate from 0 to 1, of a difference of rates from -1 to 1."""

    low: float
    high: float


def wilson(part: int, whole: int) -> Interval:
    """Wilson's 95 % confidence interval of ``part / whole``; from 0 to 1 if ``whole`` is 0."""
    if not whole:
        return Interval(0.0, 1.0)
    rate = part / whole
    middle = rate + _Z * _Z / (2 * whole)
    spread = _Z * math.sqrt((rate * (1 - rate) + _Z * _Z / (4 * whole)) / whole)
    scale = 1 + _Z * _Z / whole
    return Interval(max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def difference(part: int, whole: int, part_before: int, whole_before: int) -> Interval:
    """Newcombe's 95 % interval of the first rate minus the second; from -1 to 1 if either whole is 0."""
    if not whole or not whole_before:
        return Interval(-1.0, 1.0)
    now, before = part / whole, part_before / whole_before
    (low, high), (low_before, high_before) = wilson(part, whole), wilson(part_before, whole_before)
    change = now - before
    return Interval(
        change - math.hypot(now - low, high_before - before), change + math.hypot(high - now, before - low_before)
    )


def points(part: int, whole: int, part_before: int, whole_before: int) -> int | None:
    """Change of a rate in whole percentage points; ``None`` if either whole is 0."""
    if not whole or not whole_before:
        return None
    return round(100 * (part / whole - part_before / whole_before))


class Bounds(msgspec.Struct, frozen=True):
    """Of an ``Interval``, in answers."""

    low: float
    high: float


def bounds(interval: Interval) -> Bounds:
    return Bounds(*(round(bound, 4) for bound in interval))


class Rate(msgspec.Struct, frozen=True):
    """``n`` of ``of`` cases, with the bounds of Wilson's 95 % confidence interval."""

    n: int
    of: int
    low: float
    high: float


def rate(part: int, whole: int) -> Rate:
    low, high = wilson(part, whole)
    return Rate(part, whole, round(low, 4), round(high, 4))
