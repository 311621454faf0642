"""``/steadiness/``: which axes judged the same candidate differently, and which denials may have been wrong."""

from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.queries import horizon, runs
from enhancelog.queries import steadiness as log
from enhancelog.queries.steadiness import Kind, Reading, Steadiness
from enhancelog.web import periods
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.linked import Linked
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.revalidation import revalidated
from enhancelog.web.steadiness_links import by_kind, of_kind

MOST_AXES: Final = 100
MOST_ROWS: Final = 50
MOST_SUSPECTS: Final = 10  # beside the list of them


class Row(NamedTuple):
    """``numbers``: by kind, with their lists."""

    figures: Steadiness
    url: str
    numbers: dict[Kind, Linked]


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters()
def steadiness(request: HttpRequest) -> HttpResponseBase:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        return page_or_fragment(request, "steadiness/page.jinja", {"section": "steadiness", "log_is_empty": True})
    period = periods.asked(request, newest)
    axis, kind, skip = _asked(request)
    window = period.window
    found = log.read(window, axis)
    by_axis, by_hand = found.by_axis(), log.made_by_hand(window, axis)
    last, derived_to = horizon.touched()[:2]
    here = [("period", period.name), *([] if axis is None else [("axis", axis)])]
    context = {
        "section": "steadiness",
        "log_is_empty": False,
        "period": period,
        "periods": periods.choices(lambda name: links.with_query("", [*here[1:], ("kind", kind), ("period", name)])),
        "axis": axis,
        "everything_url": links.steadiness(here[:1]),
        "rows": [_row(row, period.name, found) for row in by_axis[:MOST_AXES]],
        "left_out": max(0, len(by_axis) - MOST_AXES),
        "most_read": log.MOST_READ if found.capped else 0,
        "suspects": found.listed("suspects", MOST_SUSPECTS),
        "suspected": of_kind("suspects", found.count("suspects"), here),
        "by_hand": by_hand[:MOST_ROWS],
        "by_hand_in_all": len(by_hand),
        "derived_to": derived_to if derived_to < last else None,
        "last_position": last,
        **_list(found, kind, skip, here),
    }
    return page_or_fragment(request, "steadiness/page.jinja", context)


def _asked(request: HttpRequest) -> tuple[str | None, Kind, int]:
    parameters = dict(request.GET.lists())
    try:
        filters.check_single(parameters, "axis", "kind", "skip")
        return request.GET.get("axis"), _kind(request.GET.get("kind", "flips")), filters.offset(parameters)
    except Invalid as error:
        raise BadRequest(str(error)) from None


def _kind(value: str) -> Kind:
    for kind in log.KINDS:
        if kind == value:
            return kind
    raise Invalid("kind", "choice", f'must be one of {", ".join(log.KINDS)}, not "{value[:40]}"')


def _row(row: Steadiness, period: str, found: Reading) -> Row:
    scope = [("period", period), ("axis", row.axis)]
    return Row(row, links.axis(row.axis, scope[:1]), by_kind(row, scope, found))


def _list(found: Reading, kind: Kind, skip: int, here: list[tuple[str, str]]) -> dict[str, Any]:
    number = found.count(kind)
    repeated = found.listed(kind, MOST_ROWS, skip)
    last = skip + len(repeated)
    scope = [*here, ("kind", kind)]
    return {
        "kind": kind,
        "number": number,
        "repeated": repeated,
        "first": skip + 1,
        "last": last,
        "next_url": links.steadiness([*scope, ("skip", str(last))]) if repeated and last < number.number else "",
        "first_url": links.steadiness(scope) if skip else "",
    }
