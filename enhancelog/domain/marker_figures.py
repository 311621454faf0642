from typing import Literal

from msgspec import Struct

from enhancelog.domain.intervals import Rate
from enhancelog.domain.markers import Marker


class ComparedRate(Struct):
    """`low`, `high`: of the 95 % confidence interval of the rate after minus the rate before."""

    before: Rate
    after: Rate
    low: float
    high: float
    verdict: Literal["better", "worse", "too_few"]


class ComparedSpan(Struct):
    since_ms: int
    until_ms: int
    runs: int


class MarkerComparison(Struct):
    """As long before as after, up to the neighboring markers. `axes`, `blueprints`: rejected runs. `gone`, `new`:
    rejections by deny pattern."""

    before: ComparedSpan
    after: ComparedSpan
    rejected: ComparedRate
    first_attempts_applied: ComparedRate
    unfinished: ComparedRate
    axes: dict[str, ComparedRate]
    mix_changed: bool
    blueprints: dict[str, ComparedRate]
    gone: dict[str, int]
    new: dict[str, int]


class KnownMarker(Marker, frozen=True, kw_only=True):
    """`comparison` is `null` where one of the sides has no time."""

    comparison: MarkerComparison | None
