from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.errors import problem_response
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.intervals import Rate, rate
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.queries import axes as log
from enhancelog.queries.axes import AxisRow
from enhancelog.queries.blueprint_ids import PARAMETERS, named
from enhancelog.queries.charts import HOUR_MS, MOST_HOURS, Window
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
        wanted = asked_filter(request, PARAMETERS)
        rows = log.axis_rows(asked_window(wanted), named(wanted))[:MOST]
        return answered(request, [AxisFigures(row.axis, *_rates(row)) for row in rows])


class AxisByItsName(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, axis: str) -> HttpResponse:
        wanted = asked_filter(request, PARAMETERS)
        found = log.axis_detail(axis, asked_window(wanted), MOST, named(wanted))
        if found is None:
            return problem_response(404, f"There is no axis {axis[:80]}.")
        blueprints = {name: rate(here.rejected, here.judged) for name, here in found.blueprints}
        return answered(request, AxisDetail(axis, *_rates(found.row), dict(found.together), blueprints))


class WhatIf(ApiView):
    """``without`` may be repeated, and must be given (400)."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        wanted = asked_filter(request, (*PARAMETERS, "without"))
        if "without" not in wanted.include:
            raise Invalid("without", "missing", "is missing; name an axis to leave out")
        found = what_if(asked_window(wanted), wanted.include["without"], Part(0, MOST), 0, named(wanted))
        blueprints = {name: rate(found.passed[name], runs.rejected) for name, runs in found.blueprints.items()}
        return answered(request, WhatIfResult(rate(found.passed_in_all, found.total.rejected), blueprints))


def _rates(row: AxisRow) -> tuple[Rate, Rate, NextAttempts]:
    denials = row.denials
    denied, alone = rate(denials.rejected, row.judged.judged), rate(denials.alone, denials.rejected)
    return denied, alone, NextAttempts(**denials.outcomes)


def asked_filter(request: Request, taken: tuple[str, ...]) -> EntryFilter:
    wanted = filters.parse(dict(request._request.GET.lists()), now_ms())
    for name in (*wanted.include, *(f"not_{name}" for name in wanted.exclude)):
        if name not in taken:
            usable = ", ".join((*taken, "since", "until", "period"))
            raise Invalid(name, "combination", f"cannot be used here; these can: {usable}")
    return wanted


def asked_window(wanted: EntryFilter) -> Window:
    since_ms, until_ms = wanted.since_ms, wanted.until_ms
    if not any(bound is not None and bound % DAY_MS for bound in (since_ms, until_ms)):
        return Window(since_ms, until_ms)
    if since_ms is None or until_ms is None or until_ms - since_ms > MOST_HOURS * HOUR_MS:
        raise Invalid(
            "since", "combination", f"with until or period, must bound whole UTC days, or at most {MOST_HOURS} hours"
        )
    return Window(since_ms, until_ms, hourly=True)


def answered(request: Request, body: object) -> HttpResponse:
    return tagged(request._request, msgspec.json.encode(body), MEDIA_TYPES["json"])
