"""``/patterns/``: deny patterns of a period by frequency."""

from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.pattern_states import STATE_FILTERS
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.projections.patterns.details import MOST_AXES
from enhancelog.queries import runs
from enhancelog.queries.charts import Window
from enhancelog.queries.patterns import in_state
from enhancelog.queries.patterns.counted import SAMPLE
from enhancelog.queries.patterns.ranking import PatternRow, Scope
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.queries.patterns.table import SORTS, Chosen, Part, Table, table
from enhancelog.web import list_requests, periods
from enhancelog.web.expected_patterns import SHOWN, shows_expected
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.list_addresses import PATTERNS
from enhancelog.web.list_requests import ListRequest
from enhancelog.web.pattern_state_form import MOST_AT_ONCE, ManyStatesForm
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.sorting import Column, Sorting, checked, usual_order

# Label and classes of each sortable heading
COLUMNS: Final = {
    "axis": ("Axis", ""),
    "denials": ("Denials", "num"),
    "change": ("Change", "num wide"),
    "first": ("First seen", "num wide"),
    "last": ("Last seen", "num wide"),
}
_OF_STATES: Final = ("state", "expected")


class Row(NamedTuple):
    """``url`` and ``place_url`` list the rejections; may be empty."""

    pattern: PatternRow
    url: str
    place_url: str


class AskedList(NamedTuple):
    """``period``: ``None`` if the filter sets the time."""

    list_request: ListRequest
    part: Part
    chosen: Chosen
    period: Period | None
    window: Window


@require_safe
@needs("log:read")
@revalidated()
@list_requests.redirects_or_refuses
def pattern_list(request: HttpRequest) -> HttpResponse:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        return page_or_fragment(request, "patterns/page.jinja", {"section": "patterns", "log_is_empty": True})
    list_request, part, chosen, period, window = read_list(request, newest)
    until_ms = window.until_ms or (day_of(newest or 0) + 1) * DAY_MS
    found = table(list_request.wanted, window, part, until_ms, chosen)
    context = {
        **_context(list_request, part, found, window),
        **_of_states(list_request, part, chosen),
        "may_change": rebuilding() is None and allows(request.user, "triage:write"),
        "period": period,
        "compared": found.is_compared and window.before_ms is not None,
    }
    return page_or_fragment(request, "patterns/page.jinja", context)


def read_list(request: HttpRequest, newest: int | None) -> AskedList:
    """Raises what ``redirects_or_refuses`` takes, and ``BadRequest``. ``newest``: time of the newest run."""
    list_request = list_requests.read(request, PATTERNS)
    try:
        part = _part(request, list_request)
        chosen = _chosen(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    period = _period(request, list_request, newest)
    window = Window(list_request.wanted.since_ms, list_request.wanted.until_ms) if period is None else period.window
    return AskedList(list_request, part, chosen, period, window)


def _part(request: HttpRequest, list_request: ListRequest) -> Part:
    sort = checked(request.GET.get("sort") or "denials", SORTS)
    parameters = dict(request.GET.lists())
    order = filters.order(parameters, usual_order(sort))
    return Part(sort, order, filters.offset(parameters), filters.page_size(parameters) or page_sizes.PATTERNS)


def _chosen(request: HttpRequest) -> Chosen:
    state = request.GET.get("state", "")
    return Chosen(in_state.checked(state) if state else "", shows_expected(request))


def _of_states(list_request: ListRequest, part: Part, chosen: Chosen) -> dict[str, Any]:
    own = (*(pair for pair in list_request.kept if pair[0] not in _OF_STATES), ("sort", part.sort))
    plain = replace(list_request, kept=(*own, ("order", str(part.order))))
    shown = {"expected": SHOWN}
    return {
        "state_filter": chosen.state,
        "states": [
            ("", "all", plain.url(None, **(shown if chosen.shows_expected else {}))),
            *((state, state, plain.url(None, state=state)) for state in STATE_FILTERS),
        ],
        "shows_expected": chosen.shows_expected,
        "expected_url": plain.url(None, **({} if chosen.shows_expected else shown)),
        "state_form": ManyStatesForm(),
        "most_at_once": MOST_AT_ONCE,
        "back": links.with_query("", [*list_request.given, *list_request.kept, ("sort", part.sort)]),
    }


def _period(request: HttpRequest, list_request: ListRequest, newest: int | None) -> Period | None:
    """``None`` if the filter sets the time."""
    said = [name for name, _ in list_request.given if name in periods.PARAMETERS]
    return periods.asked(request, newest) if said in ([], ["period"]) else None


def _context(list_request: ListRequest, part: Part, found: Table, window: Window) -> dict[str, Any]:
    last = part.first + len(found.rows)
    others = tuple(pair for pair in list_request.given if pair[0] not in periods.PARAMETERS)
    here = {"sort": part.sort, "order": str(part.order)}
    rebuilt = rebuilding()
    return {
        "section": "patterns",
        "log_is_empty": False,
        "list_request": replace(list_request, kept=(*list_request.kept, ("sort", part.sort))),
        "periods": periods.choices(lambda name: list_request.url((*others, ("period", name)), **here)),
        "columns": _columns(list_request, part),
        "found": found,
        "rows": [_row(pattern, others, window) for pattern in found.rows],
        "runs": _runs(found.scope, window) if found.scope else None,
        "sample": SAMPLE,
        "rebuilding": rebuilt,
        "beyond": found.beyond if rebuilt is None else 0,
        "most_axes": MOST_AXES,
        "first": part.first + 1,
        "last": last,
        "next_url": list_request.url(None, **here, skip=str(last)) if last < found.in_all else "",
        "first_url": list_request.url(None, **here) if part.first else "",
    }


def _row(pattern: PatternRow, others: Pairs, window: Window) -> Row:
    names = {name for name, _ in others}
    if "pattern" in names:  # a second one would widen the list
        return Row(pattern, "", "")
    own = [*links.between(window.since_ms, window.until_ms), ("pattern", pattern.id)]
    url = links.rejections([*others, *own])
    if not pattern.place:
        return Row(pattern, url, "")
    elsewhere = [pair for pair in others if pair[0] not in ("blueprint_id", "blueprint_prefix")]
    return Row(pattern, url, links.rejections([*elsewhere, ("blueprint_id", pattern.place.name), *own]))


def _columns(list_request: ListRequest, part: Part) -> dict[str, Column]:
    sorting = Sorting(part.sort, part.order, list_request.url)
    return {by: sorting.column(label, by, style, id=by) for by, (label, style) in COLUMNS.items()}


def _runs(scope: Scope, window: Window) -> int:
    alone = replace(window, before_ms=None)  # the runs of the window before are not shown
    return runs.compared(alone, scope.blueprints).now.runs
