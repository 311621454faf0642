import msgspec

from enhancelog.domain.intervals import Bounds, Rate


class ComparedSide(msgspec.Struct):
    """``since_ms``: only the newest entries, from this time, were read; ``null``: all of them."""

    entries: int
    since_ms: int | None


class ComparedFeature(msgspec.Struct):
    """``filter`` and ``value``: the filter that lists the entries with it. ``difference``: of the two shares."""

    filter: str
    value: str
    inside: Rate
    outside: Rate
    difference: Bounds
    p: float


class DifferenceResult(msgspec.Struct):
    """``left_out``: filters with too many values to compare. ``differences``: strongest first."""

    inside: ComparedSide
    outside: ComparedSide
    tested: int
    left_out: list[str]
    differences: list[ComparedFeature]
