"""Pages, and the fragments of them that htmx requests."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urldefrag

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

Response = TypeVar("Response", bound=HttpResponseBase)


class RedirectMiddleware:
    # htmx opens what a boosted form's answer redirects to. It would put that page into the old one, whose scripts are
    # those of another page, and of another reader after a sign-in.

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.htmx.boosted and "Location" in response:  # type: ignore[attr-defined]
            response.status_code = 200
            if urldefrag(response["Location"]).url == _current_page(request):  # otherwise the browser only scrolls
                response["HX-Refresh"] = "true"
            response["HX-Redirect"] = response["Location"]
            del response["Location"]
        return response


def _current_page(request: HttpRequest) -> str:
    try:
        return urldefrag(request.htmx.current_url_abs_path or "").url  # type: ignore[attr-defined]
    except ValueError:  # the header holds no address
        return ""


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
