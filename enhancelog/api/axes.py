from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer, plain_filter, window_of
from enhancelog.domain.errors import Invalid
from enhancelog.domain.intervals import Rate, rate
from enhancelog.queries import axes as log
from enhancelog.queries.axes import AxisRow
from enhancelog.queries.blueprint_ids import PARAMETERS, named
from enhancelog.queries.matrix import Part, what_if

MOST: Final = 200  # axes, and Blueprints


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
    """``together``: rejected runs that another axis denied, too. ``blueprints``: runs it denied, of those it judged."""

    together: dict[str, int]
    blueprints: dict[str, Rate]


class WhatIfResult(msgspec.Struct):
    """Of rejected runs, those that nothing but the axes left out denied."""

    passed: Rate
    blueprints: dict[str, Rate]


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
        found = log.axis_detail(axis, window_of(wanted), MOST, named(wanted))
        if found is None:
            return problem_response(404, f"There is no axis {axis[:80]}.")
        blueprints = {name: rate(here.rejected, here.judged) for name, here in found.blueprints}
        return answer(request, AxisDetail(axis, *_rates(found.row), dict(found.together), blueprints))


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
