"""``/matrix/``: where each axis denies, which deny together, what came next, and what if an axis had not judged."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filter_box, filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pairs
from enhancelog.queries import matrix as log
from enhancelog.queries import runs
from enhancelog.queries.axes import never_judged
from enhancelog.queries.blueprint_ids import Named, named
from enhancelog.queries.matrix import Part, Sort
from enhancelog.web import matrix_tables, periods
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.linked import Linked, linked
from enhancelog.web.list_requests import blueprint_filter, without_empty_parameters
from enhancelog.web.matrix_tables import Grid
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.sorting import usual_order

COLUMNS: Final = 10

OFFERED_AXES: Final = 30

VIEWS: Final = {
    "": "Axis × Blueprint",
    "together": "Axes together",
    "next": "What came next",
    "what-if": "What if",
}

_AXES: Final = ("axis", "axes")
_BLUEPRINTS: Final = ("Blueprint", "Blueprints")
_ROWS_ARE: Final = {"": _BLUEPRINTS, "together": _AXES, "next": _AXES, "what-if": _BLUEPRINTS}
# ``skip`` and ``column`` are how many rows and columns come before the first one shown.
_PARAMETERS: Final = ("period", "view", "sort", "order", "skip", "column")
_FIRST: Final = {"skip": "", "column": ""}


class Step(NamedTuple):
    words: str
    url: str


class AxisChoice(NamedTuple):
    """``alone``: runs that no other axis denied."""

    axis: str
    is_left_out: bool
    denied: int
    denied_url: str
    alone: Linked


class IfRow(NamedTuple):
    blueprint_id: str
    passed: Linked
    rejected: int
    rejected_url: str


class Asked(NamedTuple):
    """``given``: the page's parameters. ``scope``: which Blueprints."""

    given: Mapping[str, str]
    scope: Pairs
    blueprints: Named
    view: str
    without: tuple[str, ...]
    sort: Sort
    rows: Part
    columns: Part

    @property
    def axes(self) -> Pairs:
        return tuple(("without", axis) for axis in self.without)

    def url(self, **changes: str) -> str:
        axes = () if "view" in changes else self.axes
        return links.matrix([*self.scope, *links.changed(self.given, changes), *axes])


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters("blueprint_id")
def matrix(request: HttpRequest) -> HttpResponseBase:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        return page_or_fragment(request, "matrix/page.jinja", {"section": "matrix", "log_is_empty": True})
    try:
        asked = _asked(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    period = periods.asked(request, newest)
    if asked.view == "what-if":
        shown = _what_if(asked, period)
    else:
        grid = _grid(asked, period)
        shown = {"grid": grid, "rows": grid.rows, "steps": [*_columns(asked, grid), *_rows(asked, grid.rows_in_all)]}
    hidden = [(name, value) for name, value in asked.given.items() if name not in _FIRST]
    context = {
        "section": "matrix",
        "log_is_empty": False,
        "period": period,
        "periods": periods.choices(lambda name: asked.url(period=name, **_FIRST)),
        "view": asked.view,
        "without": asked.without,
        "views": [(name, label, asked.url(view=name, sort="", order="", **_FIRST)) for name, label in VIEWS.items()],
        "scope": filter_box.render(asked.scope),
        "prefix": dict(asked.scope).get("blueprint_prefix", ""),
        "hidden": hidden,
        "everything_url": links.matrix([*hidden, *asked.axes]),
        "newest_url": asked.url(period="", **_FIRST),
        **shown,
    }
    return page_or_fragment(request, "matrix/page.jinja", context)


def _asked(request: HttpRequest) -> Asked:
    parameters = dict(request.GET.lists())
    view = request.GET.get("view", "")
    if view not in VIEWS:
        names = ", ".join(filter(None, VIEWS))
        raise Invalid("view", "choice", f'must be one of {names}, or left out, not "{view[:40]}"')
    wanted = blueprint_filter(request, "without")
    return Asked(
        given={name: request.GET[name] for name in _PARAMETERS if name in request.GET},
        scope=tuple(pair for pair in wanted.pairs if pair[0] != "without"),
        blueprints=named(wanted),
        view=view,
        without=wanted.include.get("without", ()) if view == "what-if" else (),
        sort=_sort(request.GET.get("sort", ""), parameters),
        rows=Part(filters.offset(parameters), page_sizes.MATRIX),
        columns=Part(filters.offset(parameters, "column"), COLUMNS),
    )


def _sort(value: str, parameters: filters.Parameters) -> Sort:
    if value not in ("", "name", "any") and not value.startswith("axis:"):
        raise Invalid("sort", "choice", f'must be name, any or axis:NAME, not "{value[:40]}"')
    return Sort(value, filters.order(parameters, usual_order(value)))


def _grid(asked: Asked, period: Period) -> Grid:
    window = period.window
    if asked.view == "together":
        together = log.axes_together(window, asked.rows, asked.columns, asked.blueprints)
        return matrix_tables.together(together, window, asked.scope)
    if asked.view == "next":
        came_next = log.what_came_next(window, asked.rows, asked.blueprints)
        return matrix_tables.what_came_next(came_next, window, asked.scope)
    found = log.by_blueprint_and_axis(window, asked.sort, asked.rows, asked.columns, asked.blueprints)
    return matrix_tables.by_blueprint(found, window, asked.sort, asked.url, asked.scope)


def _what_if(asked: Asked, period: Period) -> dict[str, Any]:
    found = log.what_if(period.window, asked.without, asked.rows, OFFERED_AXES, asked.blueprints)
    span = [*asked.scope, *links.between(period.window.since_ms, period.window.until_ms)]
    return {
        "found": found,
        "never_judged": never_judged(asked.without),
        "choices": [
            AxisChoice(
                axis,
                axis in asked.without,
                denied.rejected,
                links.rejections([("axis", axis), *span]),
                linked(denied.alone, links.rejections([("only", axis), *span])),
            )
            for axis, denied in found.axes.items()
        ],
        "passed": linked(found.passed_in_all, links.rejections([*asked.axes, *span])),
        "rejected_url": links.rejections(span),
        "rows": [_if_row(found, blueprint_id, asked, period) for blueprint_id in found.blueprints],
        "steps": list(_rows(asked, found.blueprints_in_all)),
    }


def _if_row(found: log.WhatIf, blueprint_id: str, asked: Asked, period: Period) -> IfRow:
    span = [("blueprint_id", blueprint_id), *links.between(period.window.since_ms, period.window.until_ms)]
    return IfRow(
        blueprint_id,
        linked(found.passed[blueprint_id], links.rejections([*asked.axes, *span])),
        found.blueprints[blueprint_id].rejected,
        links.rejections(span),
    )


def _columns(asked: Asked, grid: Grid) -> Iterator[Step]:
    return _steps(asked, asked.columns, "column", grid.axes_in_all, _AXES)


def _rows(asked: Asked, in_all: int) -> Iterator[Step]:
    return _steps(asked, asked.rows, "skip", in_all, _ROWS_ARE[asked.view])


def _steps(asked: Asked, part: Part, parameter: str, in_all: int, nouns: tuple[str, str]) -> Iterator[Step]:
    if part.first:
        yield Step(f"The first {nouns[1]}", asked.url(**{parameter: ""}))
    left = in_all - part.first - part.size
    if left > 0:
        yield Step(f"{left:,} more {nouns[left > 1]}", asked.url(**{parameter: str(part.first + part.size)}))
