"""Pages, and the fragments of them that htmx requests."""

from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

Response = TypeVar("Response", bound=HttpResponseBase)


def page_or_fragment(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """htmx gets the block ``fragment`` alone. The template extends ``layout``."""
    fragment = is_fragment(request)
    layout = "fragment.jinja" if fragment else "base.jinja"
    return page(request, template, {**context, "fragment": fragment, "layout": layout}, status)


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return private(render(request, template, context, status=status, using="jinja"))


def is_fragment(request: HttpRequest) -> bool:
    # htmx follows boosted links and restores its history by replacing the whole body.
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def private(response: Response) -> Response:
    """Revalidated each time."""
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Cookie", "HX-Request"])
    return response
