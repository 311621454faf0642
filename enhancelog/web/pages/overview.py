"""``/``: what was denied in a period, compared with the period before."""

from functools import partial
from typing import Any, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pair
from enhancelog.domain.intervals import points
from enhancelog.queries import runs, unfinished
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.overview import Overview
from enhancelog.queries.overview import overview as summed
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.queries.runs import Totals
from enhancelog.queries.unfinished import MOST_COUNTED, Wanted
from enhancelog.web import jinja, overview_chart, periods
from enhancelog.web.expected_patterns import SHOWN, shows_expected
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.ticks import ticks


class Rate(NamedTuple):
    """In per cent; ``None`` without runs."""

    now: int | None
    before: int | None
    points: int | None


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters("blueprint_id")
def overview(request: HttpRequest) -> HttpResponseBase:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        context = {"section": "overview", "log_is_empty": True, **_unfinished([])}
        return page_or_fragment(request, "overview/page.jinja", context)
    period = periods.asked(request, newest)
    chosen = [("period", period.name)] if "period" in request.GET else []
    blueprint_id = request.GET.get("blueprint_id")
    scope = [] if blueprint_id is None else [("blueprint_id", blueprint_id)]
    try:
        shown = shows_expected(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    named = EVERY if blueprint_id is None else Named((blueprint_id,))
    found = summed(period.window, newest, named, shows_expected=shown)
    context = {
        "section": "overview",
        "log_is_empty": False,
        "of_blueprint": blueprint_id,
        **_unfinished(scope),
        **_context(period, found, chosen, scope, [("expected", SHOWN)] if shown else []),
    }
    return page_or_fragment(request, "overview/page.jinja", context)


def _unfinished(scope: list[Pair]) -> dict[str, Any]:
    return {
        "unfinished": unfinished.count(Wanted(blueprint_id=[value for _, value in scope])),
        "most_unfinished": MOST_COUNTED,
        "unfinished_url": links.unfinished(scope),
    }


def _context(
    period: Period, found: Overview, chosen: list[Pair], scope: list[Pair], shown: list[Pair]
) -> dict[str, Any]:
    span = links.between(period.window.since_ms, period.window.until_ms)
    narrower: dict[str, Any] = dict(scope)
    return {
        "period": period,
        "periods": periods.choices(lambda name: links.with_query("", [*scope, ("period", name), *shown])),
        "window": period.window,
        "compared": period.window.before_ms is not None,
        "found": found,
        "rate": Rate(_rate(found.now), _rate(found.before), points(*found.now.rejected_of, *found.before.rejected_of)),
        "rebuilding": rebuilding(),
        "matrix_url": links.matrix([*scope, *chosen]),
        "patterns_url": links.patterns([*scope, *chosen, *shown]),
        "shows_expected": bool(shown),
        "expected_url": links.with_query(
            jinja.page_url("overview"), [*scope, *chosen, *([] if shown else [("expected", SHOWN)])]
        ),
        "worse_url": links.with_query(jinja.page_url("blueprint_list"), [*chosen, ("sort", "change")]),
        "new_patterns_url": links.patterns([*scope, ("is", "new"), *span]),
        "days": [periods.short_label(day, few=False) for day in found.days],
        "by_day": overview_chart.by_day(found.patterns.rows, found.days, scope),
        # Every list that the page leads to is that of the Blueprint.
        "rejections_url": partial(jinja.rejections_url, **narrower),
        "runs_url": partial(jinja.runs_url, **narrower),
        "chart": overview_chart.chart(found, scope),
        "ticks": ticks([span for span, _ in found.bars], narrower.get("blueprint_id")),
    }


def _rate(totals: Totals) -> int | None:
    return round(100 * totals.rejected / totals.runs) if totals.runs else None
