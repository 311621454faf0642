"""``/fields/?blueprint_id=…``: each field of a Blueprint's newest document, and what runs did to it."""

from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import blueprint_documents, blueprint_fields, filters
from enhancelog.domain.blueprint_documents import Unreadable
from enhancelog.domain.blueprint_fields import Fields
from enhancelog.domain.errors import Damaged, Invalid
from enhancelog.queries import document_versions, horizon, runs
from enhancelog.queries import fields as log
from enhancelog.queries.charts import Window
from enhancelog.queries.document_versions import Newest
from enhancelog.queries.fields import TouchedPlaces
from enhancelog.queries.standing import standing
from enhancelog.web import field_rows, htmx, periods
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.pages.timeline import unknown_blueprint
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated
from enhancelog.web.sorting import Column, Sorting, checked, usual_order

ALL_RUNS: Final = Period("all", Window())
# Label and classes of each sortable heading
COLUMNS: Final = {"name": ("Field", ""), "changes": ("Changes", "num"), "rejected": ("Rejected", "num")}

_PARAMETERS: Final = ("blueprint_id", "period", "sort", "order")


class Asked(NamedTuple):
    given: dict[str, str]
    sort: str
    order: filters.Order

    def url(self, **changes: str) -> str:
        blueprint_id = self.given["blueprint_id"]
        others = {name: value for name, value in self.given.items() if name != "blueprint_id"}
        return links.fields(blueprint_id, links.changed(others, changes))

    def columns(self, group: str) -> list[Column]:
        sorting = Sorting(self.sort, self.order, self.url)
        return [sorting.column(label, by, style, id=f"{group}-{by}") for by, (label, style) in COLUMNS.items()]


class Read(NamedTuple):
    """``problem``: why its fields are not known."""

    newest: Newest | None
    value: Any
    fields: Fields
    problem: str


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters("blueprint_id")
def field_list(request: HttpRequest) -> HttpResponseBase:
    blueprint_id = request.GET.get("blueprint_id")
    if blueprint_id is None:
        return htmx.page(request, "documents/none.jinja", {"section": "blueprints", "tab": "Fields"})
    try:
        asked = _asked(request)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    known = standing(blueprint_id)
    if known is None and not document_versions.has_any(blueprint_id):
        return unknown_blueprint(request, blueprint_id)
    period = periods.asked(request, runs.newest_ms()) if "period" in request.GET else ALL_RUNS
    read = _read(blueprint_id)
    touched = log.places(blueprint_id)
    context = {
        "section": "blueprints",
        "blueprint_id": blueprint_id,
        "has_timeline": known is not None,
        "read": read,
        "places_cut": touched.is_cut,
        "most_places": log.MOST_PLACES,
        "period": period,
        "periods": periods.choices(lambda name: asked.url(period=name)),
        **_listed(asked, blueprint_id, read, touched, period),
    }
    return page_or_fragment(request, "fields/page.jinja", context)


def _asked(request: HttpRequest) -> Asked:
    sort = checked(request.GET.get("sort", "rejected"), field_rows.SORTS)
    order = filters.order(dict(request.GET.lists()), usual_order(sort))
    return Asked({name: request.GET[name] for name in _PARAMETERS if name in request.GET}, sort, order)


def _listed(asked: Asked, blueprint_id: str, read: Read, touched: TouchedPlaces, period: Period) -> dict[str, Any]:
    chosen = field_rows.choose(read.fields, read.value, touched)
    seen = horizon.touched()
    found = field_rows.rows(blueprint_id, chosen, touched, period.window, seen)
    rows = field_rows.in_order(found, asked.sort, asked.order)
    span = links.between(period.window.since_ms, period.window.until_ms)
    with_patch = [*span, ("has", "patch")]
    return {
        "groups": [(heading, asked.columns(group), *rest) for group, heading, *rest in field_rows.grouped(rows)],
        "left_out": chosen.left_out,
        "by_host": chosen.by_host,
        "cut_at": chosen.cut_at,
        "not_derived": seen.last - seen.up_to,
        "known": log.known(blueprint_id, period.window, seen) if touched.touched else None,
        "known_url": links.blueprint(blueprint_id, with_patch),
        "rejected_url": links.blueprint(blueprint_id, [*with_patch, ("status", "rejected")]),
    }


def _read(blueprint_id: str) -> Read:
    nothing = Fields([], frozenset())
    newest = None
    try:
        newest = document_versions.newest_stored(blueprint_id)
        if newest is None:
            return Read(None, None, nothing, "")
        value = blueprint_documents.parse(newest.document.text, newest.document.form)
    except (Unreadable, Damaged) as error:
        return Read(newest, None, nothing, str(error))
    return Read(newest, value, blueprint_fields.fields(value), "")
