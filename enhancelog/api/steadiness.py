from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.derivation import DERIVED_TO
from enhancelog.api.figures import answer, plain_filter, window_of
from enhancelog.domain import filters
from enhancelog.domain.intervals import Rate, rate
from enhancelog.domain.same_candidates import Evidence
from enhancelog.queries import horizon
from enhancelog.queries import steadiness as log
from enhancelog.queries.steadiness import MadeByHand, Repeated

MOST: Final = 200  # of each list


class SteadinessOfAxis(msgspec.Struct):
    """``flips``: candidates it judged differently, of those it judged twice; of them ``to_deny`` and ``to_pass``."""

    axis: str
    flips: Rate
    to_deny: int
    to_pass: int


class RepeatedJudgement(msgspec.Struct):
    """``before`` is what the axis said in ``earlier``, ``after`` what it said in ``later``: pass, deny or absent."""

    axis: str
    before: str
    after: str
    earlier: str
    later: str
    evidence: Evidence


class DenialUndoneByHand(msgspec.Struct):
    """The candidate of ``issue_id`` became the Blueprint's version by hand at ``ts_ms``."""

    axis: str
    issue_id: str
    candidate_hash: str
    ts_ms: int


class SteadinessResult(msgspec.Struct):
    """``applied_later`` and ``made_by_hand``: denials that may have been wrong. ``capped``: only the newest judgements
    were counted."""

    axes: list[SteadinessOfAxis]
    capped: bool
    flips: list[RepeatedJudgement]
    applied_later: list[RepeatedJudgement]
    made_by_hand: list[DenialUndoneByHand]


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
