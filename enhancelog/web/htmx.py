"""Renders pages. One template is a page and its fragment: htmx gets the part that it swaps."""

from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

Response = TypeVar("Response", bound=HttpResponseBase)


def page_or_fragment(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Render a page, or for htmx its block ``fragment`` alone. The template extends ``layout``."""
    fragment = is_fragment(request)
    layout = "fragment.jinja" if fragment else "base.jinja"
    return page(request, template, {**context, "fragment": fragment, "layout": layout}, status)


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Render a page that has no fragment."""
    return private(render(request, template, context, status=status, using="jinja"))


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page."""
    # It needs the whole page to restore history and for boosted links.
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def private(response: Response) -> Response:
    """Mark a page as the reader's own, to be revalidated each time."""
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Cookie", "HX-Request"])
    return response
