"""``/markers/``: when something changed; ``/markers/<id>``: what was different after."""

from typing import Final

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs, origin_of
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pair
from enhancelog.domain.markers import Marker, MarkerEdit
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.times import now_ms
from enhancelog.queries.markers import comparison, listing, selecting
from enhancelog.queries.markers.listing import Markers
from enhancelog.store import markers as store
from enhancelog.web import htmx, notes_panel
from enhancelog.web.list_requests import Chip, without_empty_parameters
from enhancelog.web.marker_comparison import compared
from enhancelog.web.marker_form import MarkerForm, initial
from enhancelog.web.revalidation import revalidated

KINDS: Final = {
    "axis_started": "axis started",
    "axis_stopped": "axis stopped",
    "wording": "wording",
    "settings": "settings",
    "spawner": "spawner",
    "host_version": "host version",
    "pattern_fixed": "pattern fixed",
    "manual": "set by hand",
}
_DONE: Final = {
    "marker.make": "Made",
    "marker.edit": "Edited",
    "marker.hide": "Hidden",
    "marker.show": "Shown",
}
_FILTERS: Final = ("kind", "blueprint_id", "axis", "since", "until", "hidden")


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters("blueprint_id")
def marker_list(request: HttpRequest) -> HttpResponseBase:
    parameters = dict(request.GET.lists())
    try:
        wanted = selecting.parse(parameters, now_ms())
    except Invalid as error:
        raise BadRequest(str(error)) from None
    found = listing.markers()
    given = [(name, value) for name in _FILTERS for value in parameters.get(name, ())]
    context = {
        "section": "markers",
        "kinds": KINDS,
        "rows": [marker for marker in found.found if wanted.has(marker)],
        "is_whole": found.is_whole,
        "most": listing.MOST,
        "chips": [_chip(pair, given) for pair in given],
        "is_of_hidden": wanted.hidden,
        "hidden": 0 if wanted.hidden else sum(marker.hidden for marker in found.found),
        "hidden_url": links.markers([("hidden", "true")]),
        "may_write": allows(request.user, "log:append"),
        "may_hide": allows(request.user, "markers:hide"),
    }
    return htmx.page(request, "markers/page.jinja", context)


@require_safe
@needs("log:read")
@revalidated()
def marker_detail(request: HttpRequest, marker_id: str) -> HttpResponse:
    marker, others = _known(marker_id)
    found = comparison.around(marker, others, now_ms())
    context = {
        "section": "markers",
        "kinds": KINDS,
        "marker": marker,
        "changes": listing.changes(marker.id),
        "done": _DONE,
        "found": found,
        **({} if found is None else compared(marker, found)),
        "notes": notes_panel.panel(request, NoteSubject("marker", marker.id)),
        "may_write": marker.kind == "manual" and allows(request.user, "log:append"),
        "may_hide": allows(request.user, "markers:hide"),
        "raw_url": links.api_marker(marker.id),
    }
    return htmx.page(request, "markers/marker.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("log:append")
def new_marker(request: HttpRequest) -> HttpResponse:
    """The parameters ``axis`` and ``blueprint_id`` fill in the form."""
    given = {name: request.GET.get(name, "") for name in ("axis", "blueprint_id")}
    form = MarkerForm(request.POST or None, initial=given)
    if request.method == "POST" and form.is_valid():
        made = store.make(form.new, origin_of(request))
        messages.success(request, "The marker is set.")
        return redirect(links.marker(made))
    return _form(request, form, "Set a marker", links.markers(), is_new=True)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("log:append")
def edit_marker(request: HttpRequest, marker_id: str) -> HttpResponse:
    marker, _ = _known(marker_id)
    if marker.kind != "manual":
        raise Http404("Only markers that were set by hand can be edited.")
    form = MarkerForm(request.POST or None, initial=initial(marker))
    if request.method == "POST" and form.is_valid():
        store.edit(marker.id, form.change, origin_of(request), lambda blueprint_id: None)
        messages.success(request, "The marker was changed.")
        return redirect(links.marker(marker.id))
    return _form(request, form, "Edit the marker", links.marker(marker.id), is_new=False)


@require_POST
@needs("markers:hide")
def hide_marker(request: HttpRequest, marker_id: str) -> HttpResponse:
    """``hidden``: true or false."""
    hidden = request.POST.get("hidden", "")
    if hidden not in selecting.HIDDEN:
        raise BadRequest('hidden: must be "true" or "false"')
    marker, _ = _known(marker_id)
    store.edit(marker.id, MarkerEdit(hidden=hidden == "true"), origin_of(request), lambda blueprint_id: None)
    messages.success(request, "The marker is hidden." if hidden == "true" else "The marker is shown again.")
    return redirect(links.marker(marker.id))


def _known(marker_id: str) -> tuple[Marker, Markers]:
    found = listing.known(marker_id)
    if found is None:
        raise Http404("There is no marker with this id.")
    return found


def _form(request: HttpRequest, form: MarkerForm, heading: str, back_url: str, *, is_new: bool) -> HttpResponse:
    context = {"section": "markers", "form": form, "heading": heading, "back_url": back_url, "is_new": is_new}
    return htmx.page(request, "markers/form.jinja", context, status=400 if form.errors else 200)


def _chip(pair: Pair, given: list[Pair]) -> Chip:
    name, value = pair
    return Chip(f"{name}:{value}", links.markers([each for each in given if each != pair]))
