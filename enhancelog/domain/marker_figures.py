from typing import Literal

from msgspec import Struct

from enhancelog.domain.intervals import Bounds, Rate
from enhancelog.domain.markers import Marker

# "unclear": the difference may be none; "too_few": one of the rates is of too few cases.
Effect = Literal["better", "worse", "unclear", "too_few"]


class ComparedRate(Struct):
    """`difference`: the 95 % confidence interval of the rate after minus the rate before."""

    before: Rate
    after: Rate
    difference: Bounds
    effect: Effect


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
