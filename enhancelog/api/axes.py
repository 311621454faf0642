from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api import reviews
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer, plain_filter, window_of
from enhancelog.api.negotiation import PROMPT_TYPES, answer_format
from enhancelog.domain.axis_figures import AxisDetail, AxisFigures, NextAttempts, WhatIfResult
from enhancelog.domain.errors import NO_SUCH_AXIS, Invalid
from enhancelog.domain.intervals import Rate, rate
from enhancelog.queries import axes as log
from enhancelog.queries import prompts
from enhancelog.queries.axes import AxisRow
from enhancelog.queries.blueprint_ids import PARAMETERS, named
from enhancelog.queries.matrix import Part, what_if
from enhancelog.queries.reviews import figures as of_axis

MOST: Final = 200  # axes, and Blueprints


class AxisList(ApiView):
    """A bare array, most denials first."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        wanted = plain_filter(request, PARAMETERS)
        rows = log.axis_rows(window_of(wanted), named(wanted))[:MOST]
        return answer(request, [AxisFigures(row.axis, *_rates(row)) for row in rows])


class AxisByItsName(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, axis: str) -> HttpResponse:
        wanted = plain_filter(request, PARAMETERS)
        form = answer_format(request._request, PROMPT_TYPES)
        window = window_of(wanted)
        found = log.axis_detail(axis, window, MOST, named(wanted))
        if found is None:
            return problem_response(404, f"{NO_SUCH_AXIS} {axis[:80]}.")
        if form == "text":
            text = prompts.of_axis(found.row, window, wanted, named(wanted))
            return tagged(request._request, text.encode(), PROMPT_TYPES[form])
        blueprints = {name: rate(here.rejected, here.judged) for name, here in found.blueprints}
        reviewed = reviews.shown(of_axis(axis))
        return answer(request, AxisDetail(axis, *_rates(found.row), dict(found.together), blueprints, reviewed))


class WhatIf(ApiView):
    """``without`` may be repeated, and must be given (400)."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        wanted = plain_filter(request, (*PARAMETERS, "without"))
        if "without" not in wanted.include:
            raise Invalid("without", "missing", "is missing; name an axis to leave out")
        found = what_if(window_of(wanted), wanted.include["without"], Part(0, MOST), 0, named(wanted))
        blueprints = {name: rate(found.passed[name], runs.rejected) for name, runs in found.blueprints.items()}
        return answer(request, WhatIfResult(rate(found.passed_in_all, found.total.rejected), blueprints))


def _rates(row: AxisRow) -> tuple[Rate, Rate, NextAttempts]:
    denials = row.denials
    denied, alone = rate(denials.rejected, row.judged.judged), rate(denials.alone, denials.rejected)
    return denied, alone, NextAttempts(**denials.outcomes)
