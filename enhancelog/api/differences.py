from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.negotiation import PROMPT_TYPES, answer_format
from enhancelog.domain import filters
from enhancelog.domain.comparisons import AGAINST, against, complement
from enhancelog.domain.difference_figures import ComparedFeature, ComparedSide, DifferenceResult
from enhancelog.domain.differences import Difference
from enhancelog.domain.intervals import bounds, rate
from enhancelog.domain.times import now_ms
from enhancelog.queries import prompts
from enhancelog.queries.differences import Differences, differences

MOST: Final = 200


class DifferenceList(ApiView):
    """Without ``against``, with all other entries of the same times."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, AGAINST)
        form = answer_format(request._request, PROMPT_TYPES)
        now = now_ms()
        wanted = filters.parse(parameters, now)
        if AGAINST in parameters:
            other = against(parameters[AGAINST][0], now)
        else:
            other = filters.from_pairs(complement(wanted.pairs), now)
        found = differences(wanted, other)
        if form == "text":
            data = prompts.of_differences(found, wanted, other).encode()
        else:
            data = msgspec.json.encode(_result(found))
        return tagged(request._request, data, PROMPT_TYPES[form])


def _result(found: Differences) -> DifferenceResult:
    inside, outside = (ComparedSide(each.entries, each.since_ms) for each in (found.inside, found.outside))
    shown = [_feature(each, found) for each in found.found[:MOST]]
    return DifferenceResult(inside, outside, found.tested, list(found.left_out), shown)


def _feature(each: Difference, found: Differences) -> ComparedFeature:
    return ComparedFeature(
        *each.feature,
        rate(each.inside, found.inside.entries),
        rate(each.outside, found.outside.entries),
        bounds(each.interval),
        float(f"{each.p:.3g}"),
    )
