"""``/funnel/``: how many attempts an intent takes, in all, by Blueprint and over time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filter_box, filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter, Order
from enhancelog.domain.intents import APART_MS
from enhancelog.domain.times import DAY_MS, day_of, now_ms
from enhancelog.queries import funnel as log
from enhancelog.queries import runs, unfinished
from enhancelog.queries.blueprint_ids import named
from enhancelog.queries.charts import Bar, Window, scale
from enhancelog.queries.funnel import NUMBERS, Funnel, Intents, Took
from enhancelog.web import charts, durations, overview_chart, periods
from enhancelog.web.charts import Series, Stacked
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.linked import Linked, linked
from enhancelog.web.list_requests import blueprint_filter, without_empty_parameters
from enhancelog.web.overview_chart import Cell, Label
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.sorting import Column, Sorting, checked, usual_order

MOST_ROWS: Final = 100
DEFAULT_SORT: Final = "intents"
# Label and classes of each heading
COLUMNS: Final = {
    "name": ("Blueprint", ""),
    "intents": ("Intents", "num"),
    "first": ("Applied at first", "num"),
    "rate": ("Rate", "num"),
    "later": ("Applied later", "num"),
    "given-up": ("Given up", "num"),
    "median": ("Median time", "num wide"),
    "p90": ("90th percentile", "num wide"),
}

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Figures:
    ended: Linked
    first: Linked
    first_applied: Linked
    applied_later: Linked
    given_up: Linked
    took: Took


class Row(NamedTuple):
    blueprint_id: str
    url: str
    figures: Figures


class Attempts(NamedTuple):
    number: str
    applied: Linked
    given_up: Linked


class Chart(NamedTuple):
    """As ``overview_chart.Chart``. ``table``: heading, cells, median time."""

    stacked: Stacked
    y_labels: Sequence[int]
    labels: Iterator[Label]
    bar_width: str
    table: Sequence[tuple[str, Sequence[Cell], str]]


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters("blueprint_id")
def funnel(request: HttpRequest) -> HttpResponseBase:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        return page_or_fragment(request, "funnel/page.jinja", {"section": "funnel", "log_is_empty": True})
    period = periods.asked(request, newest)
    try:
        wanted = blueprint_filter(request)
        sort = checked(request.GET.get("sort", DEFAULT_SORT), tuple(COLUMNS))
        order = filters.order(dict(request.GET.lists()), usual_order(sort))
    except Invalid as error:
        raise BadRequest(str(error)) from None
    found = log.funnel(period.window, named(wanted))
    scope = [*wanted.pairs, *links.between(period.window.since_ms, period.window.until_ms)]
    url = _url(wanted, period, request)
    context = {
        "section": "funnel",
        "log_is_empty": False,
        "period": period,
        "periods": periods.choices(lambda name: url(period=name)),
        "window": period.window,
        "scope": filter_box.render(wanted.pairs),
        "everything_url": links.with_query("", [("period", period.name)]),
        "figures": _figures(found.total, found.took, scope),
        "attempts": _attempts(found.total, scope),
        "open": _still_open(found, wanted, period.window),
        "unfinished": _unfinished(wanted, period.window),
        "chart": _chart(found, period.window, wanted),
        "without_time": found.by_slot.get(None, Intents()).ended,
        "columns": _columns(Sorting(sort, order, url)),
        "rows": _rows(found, sort, order, scope, period),
        "left_out": max(0, len(found.by_blueprint) - MOST_ROWS),
        "duration": durations.in_words,
    }
    return page_or_fragment(request, "funnel/page.jinja", context)


def _url(wanted: EntryFilter, period: Period, request: HttpRequest) -> Callable[..., str]:
    given = {"period": period.name} | {name: request.GET[name] for name in ("sort", "order") if name in request.GET}
    return lambda **changes: links.with_query("", [*wanted.pairs, *links.changed(given, changes)])


def _figures(found: Intents, took: Took, scope: Pairs) -> Figures:
    applied: Pairs = [("status", "applied"), *scope]
    return Figures(
        _runs(found.ended, [("next", "none"), *scope]),
        _runs(found.first, [("attempt", "first"), *scope]),
        _runs(found.applied_first, [("attempt", "first"), *applied]),
        _runs(found.applied_later, [("attempt", "later"), *applied]),
        _given_up(found.given_up_in_all, scope),
        took,
    )


def _attempts(found: Intents, scope: Pairs) -> list[Attempts]:
    return [
        Attempts(
            number,
            _runs(found.applied[number], [("attempt", number), ("status", "applied"), *scope]),
            _given_up(found.given_up[number], [("attempt", number), *scope]),
        )
        for number in NUMBERS
    ]


def _runs(number: int, pairs: Pairs) -> Linked:
    return linked(number, links.runs(pairs))


def _given_up(number: int, pairs: Pairs) -> Linked:
    return linked(number, links.rejections([("next", "none"), *pairs]))


def _still_open(found: Funnel, wanted: EntryFilter, window: Window) -> tuple[str, Linked]:
    """Intents given up since a day, which may still be tried again."""
    since_ms = day_of(now_ms() - APART_MS) * DAY_MS
    if window.since_ms is not None:
        since_ms = max(since_ms, window.since_ms)
    slots = [here for slot, here in found.by_slot.items() if slot is not None and slot * window.slot_ms >= since_ms]
    span = links.between(since_ms, window.until_ms)
    number = sum(here.given_up_in_all for here in slots)
    return periods.full_label(Bar(since_ms, since_ms + DAY_MS)), _given_up(number, [*wanted.pairs, *span])


def _unfinished(wanted: EntryFilter, window: Window) -> Linked:
    asked = unfinished.in_window(window, named(wanted))
    days = links.between(*(None if day is None else day * DAY_MS for day in (asked.since, asked.until)))
    number = unfinished.count(asked)
    return linked(number, links.unfinished([*wanted.pairs, *days]))


def _columns(sorting: Sorting) -> list[Column]:
    return [sorting.column(label, by, style, id=by) for by, (label, style) in COLUMNS.items()]


def _rows(found: Funnel, sort: str, order: Order, scope: Pairs, period: Period) -> list[Row]:
    names = sorted(found.by_blueprint)
    if sort != "name":
        names.sort(key=lambda name: -found.by_blueprint[name].ended)
    names.sort(key=_sort_keys(found)[sort], reverse=order == "desc")
    span = links.between(period.window.since_ms, period.window.until_ms)
    rows = []
    for name in names[:MOST_ROWS]:
        of_this = [("blueprint_id", name), *(pair for pair in scope if pair[0] in ("since", "until"))]
        figures = _figures(found.by_blueprint[name], _took(found, name), of_this)
        rows.append(Row(name, links.blueprint(name, span), figures))
    return rows


def _sort_keys(found: Funnel) -> Mapping[str, Callable[[str], Any]]:
    of = found.by_blueprint
    return {
        "name": lambda name: name,
        "intents": lambda name: of[name].ended,
        "first": lambda name: of[name].applied_first,
        "rate": lambda name: of[name].applied_first / max(of[name].first, 1),
        "later": lambda name: of[name].applied_later,
        "given-up": lambda name: of[name].given_up_in_all,
        "median": lambda name: _took(found, name).median or (-1,),
        "p90": lambda name: _took(found, name).p90 or (-1,),
    }


def _took(found: Funnel, blueprint_id: str) -> Took:
    return log.took([found.times_by_blueprint.get(blueprint_id, {})])


def _chart(found: Funnel, window: Window, wanted: EntryFilter) -> Chart | None:
    """``None`` if no intent has a plausible time."""
    bars = scale(window, (slot for slot in found.by_slot if slot is not None))
    spans = bars.bars()
    if not spans:
        return None
    here = log.in_bars(found, bars)
    counts = [intents for intents, _ in here]
    figures = _figures(found.total, found.took, list(wanted.pairs))
    series = (
        Series("bar-r", "given up", figures.given_up.url, [each.given_up_in_all for each in counts]),
        Series("bar-l", "applied later", figures.applied_later.url, [each.applied_later for each in counts]),
        Series("bar-a", "applied at first", figures.first_applied.url, [each.applied_first for each in counts]),
    )
    top = overview_chart.upper_edge(max(each.ended for each in counts))
    table = [
        (
            periods.full_label(span),
            [overview_chart.cell(each.url, span, each.numbers[at]) for each in reversed(series)],
            durations.in_words(took.median),
        )
        for at, (span, (intents, took)) in enumerate(zip(spans, here, strict=True))
        if intents.ended
    ]
    return Chart(
        charts.layered(spans, series, top, figures.ended.url),
        range(top, -1, -top // 4),
        overview_chart.labels(spans),
        periods.bar_width(spans),
        table,
    )
