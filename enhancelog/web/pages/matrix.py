"""``/matrix/``: where each axis denies, by Blueprint, and which axes deny together."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filter_box, filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.times import now_ms
from enhancelog.queries import matrix as log
from enhancelog.queries import runs
from enhancelog.queries.blueprint_ids import Named, named
from enhancelog.queries.matrix import Part, Sort
from enhancelog.web import matrix_tables, periods
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.matrix_tables import Grid
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.sorting import usual_order

COLUMNS: Final = 10

TABLES: Final = {"": "Axis × Blueprint", "together": "Axes together"}

_ROWS_ARE: Final = {"": ("Blueprint", "Blueprints"), "together": ("axis", "axes")}
# ``skip`` and ``column`` are how many rows and columns come before the first one shown.
_PARAMETERS: Final = ("period", "show", "sort", "order", "skip", "column")
_SCOPE: Final = ("blueprint_id", "blueprint_prefix")
_FIRST: Final = {"skip": "", "column": ""}


class Step(NamedTuple):
    words: str
    url: str


class Asked(NamedTuple):
    """``given``: the page's parameters. ``scope``: which Blueprints."""

    given: Mapping[str, str]
    scope: Pairs
    blueprints: Named
    show: str
    sort: Sort
    rows: Part
    columns: Part

    def url(self, **changes: str) -> str:
        others = links.changed(self.given, changes)
        return links.matrix([*(() if changes.get("show") else self.scope), *others])


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
    grid = _grid(asked, period)
    context = {
        "section": "matrix",
        "log_is_empty": False,
        "period": period,
        "periods": periods.choices(lambda name: asked.url(period=name, **_FIRST)),
        "show": asked.show,
        "tables": [(name, label, asked.url(show=name, sort="", order="", **_FIRST)) for name, label in TABLES.items()],
        "scope": filter_box.render(asked.scope),
        "prefix": dict(asked.scope).get("blueprint_prefix", ""),
        "hidden": [(name, value) for name, value in asked.given.items() if name not in _FIRST],
        "everything_url": links.matrix((name, value) for name, value in asked.given.items() if name not in _FIRST),
        "newest_url": asked.url(period="", **_FIRST),
        "grid": grid,
        "steps": [
            *_steps(asked, asked.columns, "column", grid.axes_in_all, ("axis", "axes")),
            *_steps(asked, asked.rows, "skip", grid.rows_in_all, _ROWS_ARE[asked.show]),
        ],
    }
    return page_or_fragment(request, "matrix/page.jinja", context)


def _asked(request: HttpRequest) -> Asked:
    parameters = dict(request.GET.lists())
    show = request.GET.get("show", "")
    if show not in TABLES:
        raise Invalid("show", "choice", f'must be together or left out, not "{show[:40]}"')
    wanted = filters.parse({name: parameters[name] for name in _SCOPE if name in parameters}, now_ms())
    if show and wanted.pairs:
        raise Invalid(
            wanted.pairs[0][0], "choice", "cannot be combined with show=together, which counts all Blueprints"
        )
    return Asked(
        given={name: request.GET[name] for name in _PARAMETERS if name in request.GET},
        scope=wanted.pairs,
        blueprints=named(wanted),
        show=show,
        sort=_sort(request.GET.get("sort", ""), parameters),
        rows=Part(filters.offset(parameters), page_sizes.MATRIX),
        columns=Part(filters.offset(parameters, "column"), COLUMNS),
    )


def _sort(value: str, parameters: filters.Parameters) -> Sort:
    if value not in ("", "name", "any") and not value.startswith("axis:"):
        raise Invalid("sort", "choice", f'must be name, any or axis:NAME, not "{value[:40]}"')
    return Sort(value, filters.order(parameters, usual_order(value)))


def _grid(asked: Asked, period: Period) -> Grid:
    if asked.show:
        return matrix_tables.together(log.axes_together(period.window, asked.rows, asked.columns), period.window)
    found = log.by_blueprint_and_axis(period.window, asked.sort, asked.rows, asked.columns, asked.blueprints)
    return matrix_tables.by_blueprint(found, period.window, asked.sort, asked.url, asked.scope)


def _steps(asked: Asked, part: Part, parameter: str, in_all: int, nouns: tuple[str, str]) -> Iterator[Step]:
    if part.first:
        yield Step(f"The first {nouns[1]}", asked.url(**{parameter: ""}))
    left = in_all - part.first - part.size
    if left > 0:
        yield Step(f"{left:,} more {nouns[left > 1]}", asked.url(**{parameter: str(part.first + part.size)}))
