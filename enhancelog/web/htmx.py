"""One view serves a page and its fragment: htmx asks for the part it swaps, everybody else gets the whole."""

from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

Response = TypeVar("Response", bound=HttpResponseBase)


def page_or_fragment(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Render a page, or for an htmx request its block ``fragment`` alone.

    The template extends ``layout``. htmx needs the whole page to restore history and for boosted links.
    """
    context = {**context, "fragment": is_fragment(request)}
    if template.endswith(".jinja"):
        context["layout"] = "fragment.jinja" if context["fragment"] else "base.jinja"
        return page(request, template, context, status)
    if context["fragment"]:
        folder, _, name = template.rpartition("/")
        template = f"{folder}/_{name}"
    response = render(request, template, context, status=status)
    return private(response)


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Render a page that has no fragment."""
    return private(render(request, template, context, status=status, using="jinja"))


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page; a view can then leave out what only the whole page shows."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def private(response: Response) -> Response:
    """What a page is to caches: the reader's own, asked for again each time."""
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Cookie", "HX-Request"])
    return response
