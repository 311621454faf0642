from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.derivation import DERIVED_TO
from enhancelog.api.figures import answer, plain_filter, window_of
from enhancelog.domain import filters
from enhancelog.domain.intervals import rate
from enhancelog.domain.steadiness_figures import (
    DenialUndoneByHand,
    RepeatedJudgement,
    SteadinessOfAxis,
    SteadinessResult,
)
from enhancelog.queries import horizon
from enhancelog.queries import steadiness as log
from enhancelog.queries.steadiness import MadeByHand, Repeated

MOST: Final = 200  # of each list


class SteadinessOfAxes(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        filters.check_single(dict(request._request.GET.lists()), "axis")
        wanted = plain_filter(request, ("axis",))
        window, axis = window_of(wanted), wanted.one("axis")
        derived_to = horizon.touched().up_to
        found = log.read(window, axis)
        result = SteadinessResult(
            [_of_axis(row) for row in found.by_axis()[:MOST]],
            found.capped,
            [_repeated(each) for each in found.listed("flips", MOST)],
            [_repeated(each) for each in found.listed("suspects", MOST)],
            [_by_hand(each) for each in log.made_by_hand(window, axis)[:MOST]],
        )
        response = answer(request, result)
        response.headers[DERIVED_TO] = str(derived_to)
        return response


def _of_axis(row: log.Steadiness) -> SteadinessOfAxis:
    return SteadinessOfAxis(row.axis, rate(row.flips, row.judged), row.to_deny, row.to_pass)


def _repeated(each: Repeated) -> RepeatedJudgement:
    return RepeatedJudgement(
        each.axis, each.before, each.after, each.earlier.issue_id, each.later.issue_id, each.evidence
    )


def _by_hand(each: MadeByHand) -> DenialUndoneByHand:
    return DenialUndoneByHand(each.axis, each.denied.issue_id, each.hash, each.ts_ms)
