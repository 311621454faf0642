"""``/axes/``: how much each axis judged and denied; ``/axes/<axis>``: with whom, where, when, and what came next."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filter_box
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import DAY_MS
from enhancelog.queries import axes as log
from enhancelog.queries import prompts, reviews, runs, steadiness
from enhancelog.queries.axes import AxisDetail, AxisRow
from enhancelog.queries.blueprint_ids import named
from enhancelog.queries.charts import Bar
from enhancelog.queries.judgements import Denials
from enhancelog.queries.themes.progress import is_prose
from enhancelog.web import charts, overview_chart, periods, reviewing
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.linked import Linked, linked
from enhancelog.web.list_requests import blueprint_filter, without_empty_parameters
from enhancelog.web.overview_chart import Cell
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.steadiness_links import by_kind
from enhancelog.web.ticks import ticks

MOST_ROWS: Final = 100
MOST_BESIDE: Final = 20  # Blueprints and other axes of an axis
MOST_FLIPS: Final = 10


class Row(NamedTuple):
    """``judged_url``: the runs that the axis judged."""

    figures: AxisRow
    url: str
    denied_url: str
    judged_url: str
    alone: Linked
    next: Mapping[str, Linked]


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters("blueprint_id")
def axis_list(request: HttpRequest) -> HttpResponseBase:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        return page_or_fragment(request, "axes/page.jinja", {"section": "axes", "log_is_empty": True})
    period = periods.asked(request, newest)
    wanted = _scope(request)
    rows = log.axis_rows(period.window, named(wanted))
    scope = [*wanted.pairs, *_span(period)]
    context = {
        "section": "axes",
        "log_is_empty": False,
        **_period(period, wanted.pairs),
        "scope": filter_box.render(wanted.pairs),
        "everything_url": links.with_query("", [("period", period.name)]),
        "what_if_url": links.matrix([("view", "what-if"), ("period", period.name), *wanted.pairs]),
        "rows": [_row(row, scope, period) for row in rows[:MOST_ROWS]],
        "left_out": max(0, len(rows) - MOST_ROWS),
    }
    return page_or_fragment(request, "axes/page.jinja", context)


@require_safe
@needs("log:read")
@revalidated()
def axis_detail(request: HttpRequest, axis: str) -> HttpResponseBase:
    period = periods.asked(request, runs.newest_ms())
    found = log.axis_detail(axis, period.window, MOST_BESIDE)
    if found is None:
        raise Http404("There is no axis with this name.")
    context = {
        "section": "axes",
        "axis": axis,
        **_period(period, ()),
        "found": found,
        "span": _span(period),
        "is_prose": is_prose(axis),
        "next": outcomes(axis, found.row.denials, _span(period)),
        "prompt": prompts.of_axis(found.row, period.window, EntryFilter()),
        "alone": _rejections(found.row.denials.alone, [("only", axis), *_span(period)]),
        "together": [
            (other, _rejections(number, [("axis", axis), ("axis", other), *_span(period)]))
            for other, number in found.together
        ],
        **_chart(axis, found),
        **_steadiness(axis, period),
        "reviews": reviewing.rates(axis, reviews.figures(axis)),
    }
    return page_or_fragment(request, "axes/axis.jinja", context)


def _scope(request: HttpRequest) -> EntryFilter:
    try:
        return blueprint_filter(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None


def _row(row: AxisRow, scope: list[tuple[str, str]], period: Period) -> Row:
    return Row(
        row,
        links.axis(row.axis, [("period", period.name)]),
        links.rejections([("axis", row.axis), *scope]),
        links.runs([("not_axis_absent", row.axis), *scope]),
        _rejections(row.denials.alone, [("only", row.axis), *scope]),
        outcomes(row.axis, row.denials, scope),
    )


def outcomes(axis: str, denials: Denials, span: list[tuple[str, str]]) -> Mapping[str, Linked]:
    """What came next after its denials, by the values of ``next``."""
    return {
        outcome: _rejections(number, [("axis", axis), ("next", outcome), *span])
        for outcome, number in denials.outcomes.items()
    }


def _rejections(number: int, pairs: list[tuple[str, str]]) -> Linked:
    return linked(number, links.rejections(pairs))


def _steadiness(axis: str, period: Period) -> dict[str, Any]:
    found = steadiness.read(period.window, axis)
    row = next(iter(found.by_axis()), None)
    return {
        "steadiness": row,
        "again": row and by_kind(row, [("period", period.name), ("axis", axis)], found),
        "flips_shown": found.listed("flips", MOST_FLIPS),
    }


def _span(period: Period) -> list[tuple[str, str]]:
    return links.between(period.window.since_ms, period.window.until_ms)


def _period(period: Period, scope: links.Pairs) -> dict[str, Any]:
    return {
        "period": period,
        "periods": periods.choices(lambda name: links.with_query("", [*scope, ("period", name)])),
        "window": period.window,
    }


def _chart(axis: str, found: AxisDetail) -> dict[str, Any]:
    spans = [span for span, _ in found.bars]
    top = max((here.rejected for here in found.judged), default=0) or 1
    url = links.rejections([("axis", axis)])
    cells = [Cell(here.rejected, links.within(url, span)) for span, here in zip(spans, found.judged, strict=True)]
    return {
        "ticks": ticks(spans, axis=axis),
        "chart": charts.strip(found.bars, found.judged, axis, top, ()) if spans else None,
        "labels": overview_chart.labels(spans),
        "bar_width": periods.bar_width(spans),
        "bars": [
            (periods.full_label(span), cell, here.judged)
            for span, cell, here in zip(spans, cells, found.judged, strict=True)
            if here.judged
        ],
        "judged_on": [
            periods.full_label(Bar(day * DAY_MS, (day + 1) * DAY_MS))
            for day in (found.first_day, found.last_day)
            if day is not None
        ],
    }
