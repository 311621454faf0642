"""``/blueprints/``: Blueprints by name, with their runs in a period and how their rejection rate changed."""

from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.queries import blueprints as log
from enhancelog.queries import runs
from enhancelog.queries.charts import Window
from enhancelog.web import periods
from enhancelog.web.feeds import reads_list
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.jinja import page_url
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.pages.timeline import blueprint_timeline
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.sorting import Column, Sorting, checked, usual_order

DEFAULT_SORT: Final = "rejected"
ALL_RUNS: Final = Period("all", Window())
# Label and classes of each heading
COLUMNS: Final = {
    "name": ("Blueprint", ""),
    "runs": ("Runs", "num wide"),
    "rejected": ("Rejected", "num"),
    "rate": ("Rejection rate", "num"),
    "change": ("Change", "num"),
    "weeks": ("Rate by week", "wide"),
    "newest": ("Newest", "num wide"),
}

_PARAMETERS: Final = ("text", "period", "sort", "order", "page_size")


class Asked(NamedTuple):
    """``given``: parameters of the page but its place in the list."""

    given: dict[str, str]
    sort: str
    order: filters.Order
    first: int
    size: int

    def url(self, **changes: str) -> str:
        return links.with_query("", links.changed(self.given, changes))


@require_safe
@reads_list
@revalidated()
@without_empty_parameters("blueprint_id")
def blueprint_list(request: HttpRequest) -> HttpResponseBase:
    # The empty id has no path of its own, so its timeline is ``?blueprint_id=``.
    blueprint_id = request.GET.get("blueprint_id")
    if blueprint_id == "":
        return blueprint_timeline(request, blueprint_id="")
    if blueprint_id is not None:
        rest = links.pairs_of(request.GET, without="blueprint_id")
        return redirect(links.blueprint(blueprint_id, rest))
    if runs.is_empty():
        return page_or_fragment(request, "blueprints/page.jinja", {"section": "blueprints", "log_is_empty": True})
    try:
        asked = _asked(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    return page_or_fragment(request, "blueprints/page.jinja", _context(asked, _period(request, asked)))


def _period(request: HttpRequest, asked: Asked) -> Period:
    # A change is that of a period; otherwise the list has every Blueprint.
    is_compared = "period" in asked.given or asked.sort == "change"
    return periods.asked(request, runs.newest_ms()) if is_compared else ALL_RUNS


def _context(asked: Asked, period: Period) -> dict[str, Any]:
    text = asked.given.get("text", "")
    found = log.blueprints(period.window, text, asked.sort, asked.order)
    rows = found[asked.first : asked.first + asked.size]
    last = asked.first + len(rows)
    compared = period.window.before_ms is not None
    week_bars, by_week = log.weeks([row.blueprint_id for row in rows], period.window)
    return {
        "section": "blueprints",
        "log_is_empty": False,
        "period": period,
        "periods": periods.choices(lambda name: asked.url(period=name)),
        "compared": compared,
        "text": text,
        "hidden": [(name, value) for name, value in asked.given.items() if name != "text"],
        "everything_url": page_url("blueprint_list"),
        "worse_url": asked.url(sort="change", order=""),
        "is_by_change": asked.sort == "change" and asked.order == "desc",
        "columns": _columns(asked, compared),
        "rows": rows,
        "weeks": by_week,
        "weeks_span": periods.span_in_words(week_bars.window.since_ms, week_bars.window.until_ms),
        "total": len(found),
        "first": asked.first + 1,
        "last": last,
        "next_url": asked.url(skip=str(last)) if last < len(found) else "",
    }


def _columns(asked: Asked, compared: bool) -> list[Column]:
    sorting = Sorting(asked.sort, asked.order, asked.url)
    return [
        sorting.column(label, by, "num wide" if compared and by == "rejected" else style, id=by)
        if by in log.SORTS
        else Column(label, style=style)
        for by, (label, style) in COLUMNS.items()
        if compared or by != "change"
    ]


def _asked(request: HttpRequest) -> Asked:
    parameters = dict(request.GET.lists())
    sort = checked(request.GET.get("sort", DEFAULT_SORT), log.SORTS)
    order = filters.order(parameters, usual_order(sort))
    size = filters.page_size(parameters) or page_sizes.BLUEPRINTS
    given = {name: request.GET[name] for name in _PARAMETERS if name in request.GET}
    return Asked(given, sort, order, filters.offset(parameters), size)
