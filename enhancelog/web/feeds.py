"""Atom feeds of list pages. A wrong key is 401, 429 after many."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from enhancelog.accounts import saved_views
from enhancelog.accounts.permissions import needs
from enhancelog.api import feeds
from enhancelog.api.allowances import allowances
from enhancelog.api.retry_after import retry_after
from enhancelog.domain.errors import Invalid
from enhancelog.links import pairs_of
from enhancelog.web.list_addresses import address, address_of
from enhancelog.web.list_requests import ListRequest

WRONG_KEYS: Final = (30, 60)  # from one address, in so many seconds

View = Callable[..., HttpResponseBase]


def reads_list(view: View) -> View:
    """Requires ``log:read`` or, for a feed, the key of its saved view."""
    reading = needs("log:read")(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.GET.get("key")
        if key is None or request.GET.get("format") != "atom":
            return reading(request, *args, **kwargs)
        return _refusal(request, key) or view(request, *args, **kwargs)

    return guarded


def feed(request: HttpRequest, list_request: ListRequest) -> HttpResponse:
    title = f"{list_request.filtered_page.title} {list_request.text}".rstrip()
    about = feeds.about(title, list_request.url(format="atom"), list_request.url())
    return feeds.answer(request, list_request.wanted, about)


def _refusal(request: HttpRequest, key: str) -> HttpResponse | None:
    who = ("feed_key", "address", request.META.get("REMOTE_ADDR", ""))
    if wait_s := allowances.ask(who, WRONG_KEYS, use=False).wait_s:
        headers = {"Retry-After": retry_after(wait_s)}
        return _plain(429, "Too many wrong keys came from this address; try again later.", headers)
    if _opens(key, request):
        return None
    allowances.ask(who, WRONG_KEYS)
    detail = "This key is not valid for this list. Its owner can create a new one."
    return _plain(401, detail, {"WWW-Authenticate": 'Bearer realm="Enhancelog", error="invalid_token"'})


def _opens(key: str, request: HttpRequest) -> bool:
    url = saved_views.opened_by(key)
    if url is None:
        return False
    pairs = pairs_of(request.GET)
    try:
        asked = address_of(request.path_info, pairs)
        return bool(asked.feed) and asked == address(url)
    except Invalid:
        return False


def _plain(status: int, detail: str, headers: dict[str, str]) -> HttpResponse:
    response = HttpResponse(detail, status=status, content_type="text/plain; charset=utf-8", headers=headers)
    response["Cache-Control"] = "no-store"
    return response
