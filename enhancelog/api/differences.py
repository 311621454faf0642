from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.figures import answer
from enhancelog.domain import filters
from enhancelog.domain.comparisons import AGAINST, against, complement
from enhancelog.domain.differences import Difference
from enhancelog.domain.intervals import Rate, rate
from enhancelog.domain.times import now_ms
from enhancelog.queries.differences import Differences, differences

MOST: Final = 200


class ComparedSide(msgspec.Struct):
    """``since_ms``: only the newest entries, from this time, were read; ``null``: all of them."""

    entries: int
    since_ms: int | None


class Bounds(msgspec.Struct):
    low: float
    high: float


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


class DifferenceList(ApiView):
    """Without ``against``, with all other entries of the same times."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, AGAINST)
        now = now_ms()
        wanted = filters.parse(parameters, now)
        if AGAINST in parameters:
            other = against(parameters[AGAINST][0], now)
        else:
            other = filters.from_pairs(complement(wanted.pairs), now)
        return answer(request, _result(differences(wanted, other)))


def _result(found: Differences) -> DifferenceResult:
    inside, outside = (ComparedSide(each.entries, each.since_ms) for each in (found.inside, found.outside))
    shown = [_feature(each, found) for each in found.found[:MOST]]
    return DifferenceResult(inside, outside, found.tested, list(found.left_out), shown)


def _feature(each: Difference, found: Differences) -> ComparedFeature:
    low, high = each.interval
    return ComparedFeature(
        *each.feature,
        rate(each.inside, found.inside.entries),
        rate(each.outside, found.outside.entries),
        Bounds(round(low, 4), round(high, 4)),
        float(f"{each.p:.3g}"),
    )
