"""Geometry of charts. ``templates/macros/charts.jinja`` draws it, stretched to its place, so no chart carries text."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

STRIP_HEIGHT: Final = 18
STEP: Final = 100
"""A bar's place, in units of the drawing."""
GAP: Final = 14
"""What stays free on each side of a bar."""
SMALLEST: Final = 1.5
"""No count is so small that its bar cannot be seen."""


class Spark(NamedTuple):
    """Small bars: ``base`` is the path of the places where the number is zero, ``bars`` of the others."""

    width: int
    height: int
    base: str
    bars: str


class Ratio(NamedTuple):
    """Two parts of one bar of width 100, with a gap between them; ``applied_at`` is where the second starts."""

    rejected: float
    applied_at: float
    applied: float


class Totals(Protocol):
    @property
    def applied(self) -> int: ...

    @property
    def rejected(self) -> int: ...

    @property
    def runs(self) -> int: ...


def spark(numbers: Iterable[int]) -> Spark:
    """The highest number takes the whole height."""
    return _spark(tuple(numbers))


@lru_cache(maxsize=512)
def _spark(numbers: Sequence[int]) -> Spark:
    top = max(numbers, default=0) or 1
    base = path((place, 1) for place, number in enumerate(numbers) if not number)
    bars = path((place, height(number, top)) for place, number in enumerate(numbers) if number)
    return Spark(STEP * max(len(numbers), 1), STRIP_HEIGHT, base, bars)


def ratio(totals: Totals) -> Ratio:
    """Rejected and applied as shares of all runs."""
    rejected = round(100 * totals.rejected / max(totals.runs, 1), 1)
    half_gap = 1 if 0 < totals.rejected < totals.runs else 0
    applied = 100 - rejected if totals.applied else 0.0
    return Ratio(max(rejected - half_gap, 0), rejected + half_gap, max(applied - half_gap, 0))


def height(number: int, top: int) -> float:
    """The height of a bar in a strip where ``top`` takes the whole."""
    return max(round(STRIP_HEIGHT * number / top, 1), SMALLEST)


def path(heights: Iterable[tuple[int, float]]) -> str:
    """Bars, each by its place and height, as one path."""
    return "".join([bar_path(place, height) for place, height in heights])


@lru_cache(maxsize=4096)
def bar_path(place: int, height: float) -> str:
    """One bar that stands on the bottom of a strip."""
    return f"M{place * STEP + GAP} {STRIP_HEIGHT}v-{height:g}h{STEP - 2 * GAP}v{height:g}z"
