"""``/blueprints/``: every Blueprint, one row each, sorted by plain links. Totals are of all that was logged."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.queries import blueprints as log
from enhancelog.queries.charts import Window
from enhancelog.web.feeds import reads_list
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.pages.timeline import blueprint_timeline
from enhancelog.web.questions import without_empty_parameters
from enhancelog.web.revalidation import revalidated

DEFAULT_SORT: Final = "rejected"
COLUMNS: Final = {"name": "Blueprint", "runs": "Runs", "rejected": "Rejected", "rate": "Deny rate", "newest": "Newest"}


@dataclass(frozen=True)
class Column:
    """A heading that sorts; ``order`` is the current one, ``url`` sorts by it or turns the order round."""

    name: str
    label: str
    url: str
    order: filters.Order | None


@require_safe
@reads_list
@revalidated()
@without_empty_parameters("blueprint_id")
def blueprint_list(request: HttpRequest) -> HttpResponseBase:
    """The list; with ``blueprint_id`` in the query that Blueprint's timeline, for the empty id has no path."""
    blueprint_id = request.GET.get("blueprint_id")
    if blueprint_id == "":
        return blueprint_timeline(request, blueprint_id="")
    if blueprint_id is not None:
        rest = [(name, value) for name, values in request.GET.lists() if name != "blueprint_id" for value in values]
        return redirect(links.blueprint(blueprint_id, rest))
    try:
        sort, order, offset, size = _asked(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    total = log.how_many()
    rows = log.blueprints(sort, order, offset, size)
    shown = offset + len(rows)
    following = [("sort", sort), ("order", order), ("page_size", str(size)), ("cursor", str(shown))]
    context = {
        "section": "blueprints",
        "public_url": settings.PUBLIC_URL,
        "columns": [_column(name, sort, order) for name in COLUMNS],
        "all": Window(),
        "rows": rows,
        "total": total,
        "first": offset + 1,
        "shown": shown,
        "next_url": links.with_query("", following) if shown < total else "",
    }
    return page_or_fragment(request, "enhancelog/blueprint_list.html", context)


def _asked(request: HttpRequest) -> tuple[str, filters.Order, int, int]:
    parameters = dict(request.GET.lists())
    sort = request.GET.get("sort", DEFAULT_SORT)
    if sort not in log.SORTS:
        raise Invalid("sort", "choice", f'must be one of {", ".join(log.SORTS)}, not "{sort[:40]}"')
    order = filters.order(parameters, _usual_order(sort))
    return sort, order, filters.offset(parameters), filters.page_size(parameters) or page_sizes.BLUEPRINTS


def _usual_order(sort: str) -> filters.Order:
    """Names from A on, figures from the highest."""
    return "asc" if sort == "name" else "desc"


def _column(name: str, sort: str, order: filters.Order) -> Column:
    turned = _usual_order(name)
    if name == sort:
        turned = "desc" if order == "asc" else "asc"
    pairs = [("sort", name), ("order", turned)]
    return Column(name, COLUMNS[name], links.with_query("", pairs), order if name == sort else None)
