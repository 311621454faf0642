import msgspec

from enhancelog.domain.intervals import Rate
from enhancelog.domain.reviews import ReviewFigures


class NextAttempts(msgspec.Struct):
    applied: int
    same: int
    other: int
    none: int


class AxisFigures(msgspec.Struct):
    """``denied``: rejected runs, of those it judged. ``alone``: no other axis denied them. ``next``: what came next."""

    axis: str
    denied: Rate
    alone: Rate
    next: NextAttempts


class AxisDetail(AxisFigures):
    """``together``: rejected runs that another axis denied, too. ``blueprints``: runs it denied, of those it judged.
    ``reviews``: of all times and Blueprints."""

    together: dict[str, int]
    blueprints: dict[str, Rate]
    reviews: ReviewFigures


class WhatIfResult(msgspec.Struct):
    """Of rejected runs, those that nothing but the axes left out denied."""

    passed: Rate
    blueprints: dict[str, Rate]
