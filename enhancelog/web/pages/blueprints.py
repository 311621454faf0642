"""``/blueprints/``: all Blueprints with their totals."""

from typing import Final

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.queries import blueprints as log
from enhancelog.web.feeds import reads_list
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.pages.timeline import blueprint_timeline
from enhancelog.web.revalidation import revalidated
from enhancelog.web.sorting import Sorting, usual_order

DEFAULT_SORT: Final = "rejected"
# Label and classes of each heading
COLUMNS: Final = {
    "name": ("Blueprint", ""),
    "runs": ("Runs", "num wide"),
    "rejected": ("Rejected", "num"),
    "rate": ("Rejection rate", "num"),
    "newest": ("Newest", "num wide"),
}


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
        rest = [(name, value) for name, values in request.GET.lists() if name != "blueprint_id" for value in values]
        return redirect(links.blueprint(blueprint_id, rest))
    try:
        sort, order, offset, size = _asked(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    total = log.how_many()
    rows = log.blueprints(sort, order, offset, size)
    last = offset + len(rows)
    following = [("sort", sort), ("order", order), ("page_size", str(size)), ("cursor", str(last))]
    sorting = Sorting(sort, order, _sorted_url)
    context = {
        "section": "blueprints",
        "columns": [sorting.column(label, by, style, id=by) for by, (label, style) in COLUMNS.items()],
        "rows": rows,
        "total": total,
        "first": offset + 1,
        "last": last,
        "next_url": links.with_query("", following) if last < total else "",
    }
    return page_or_fragment(request, "blueprints/page.jinja", context)


def _asked(request: HttpRequest) -> tuple[str, filters.Order, int, int]:
    parameters = dict(request.GET.lists())
    sort = request.GET.get("sort", DEFAULT_SORT)
    if sort not in log.SORTS:
        raise Invalid("sort", "choice", f'must be one of {", ".join(log.SORTS)}, not "{sort[:40]}"')
    order = filters.order(parameters, usual_order(sort))
    return sort, order, filters.offset(parameters), filters.page_size(parameters) or page_sizes.BLUEPRINTS


def _sorted_url(**pairs: str) -> str:
    return links.with_query("", pairs.items())
