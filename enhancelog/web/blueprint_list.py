"""``/blueprints/``: every Blueprint, one row each, sortable."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from enhancelog import links
from enhancelog.permissions import needs
from enhancelog.web.blueprints import blueprint_timeline
from enhancelog.web.htmx import page_or_fragment


@needs("log:read")
def blueprint_list(request: HttpRequest) -> HttpResponseBase:
    """The list; with ``blueprint_id`` in the query that Blueprint's timeline, for the empty id has no path."""
    blueprint_id = request.GET.get("blueprint_id")
    if blueprint_id is not None:
        if not blueprint_id:
            return blueprint_timeline(request, "")
        rest = [(name, value) for name, values in request.GET.lists() if name != "blueprint_id" for value in values]
        return redirect(links.blueprint(blueprint_id, rest))
    return page_or_fragment(request, "enhancelog/blueprint_list.html", {"section": "blueprints"})
