"""Other forms of a list: feed, exports, saved view, new entries."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from enhancelog import links
from enhancelog.domain import filters
from enhancelog.domain.comparisons import conditions, nearest
from enhancelog.domain.errors import Invalid
from enhancelog.queries.entries import Page
from enhancelog.queries.newest import count_beyond
from enhancelog.queries.version import log_version
from enhancelog.transfer.formats import EXPORTS, FORMATS
from enhancelog.web import feeds
from enhancelog.web.htmx import private
from enhancelog.web.list_requests import FilterRefused, ListRequest, Redirect

MOST_NEW: Final = 99


class ExportLink(NamedTuple):
    label: str
    url: str
    file_name: str


class Alternatives(NamedTuple):
    """URLs. ``new_entries`` is empty unless this is the newest page, ``differences`` if the list has no filter."""

    exports: Sequence[ExportLink]
    feed: str
    save: str
    other_order: str
    new_entries: str
    differences: str


def instead_of_page(request: HttpRequest, list_request: ListRequest) -> HttpResponse | None:
    """Raises ``FilterRefused``, or ``Redirect`` for exports, which the API serves."""
    shape = request.GET.get("format")
    try:
        if shape == "atom":
            return private(feeds.feed(request, list_request))
        if shape in EXPORTS:
            raise Redirect(_export(list_request, shape))
        if shape is not None:
            raise Invalid("format", "choice", f'must be one of {", ".join(FORMATS)}, not "{shape[:40]}"')
        after = filters.after(dict(request.GET.lists()))
    except Invalid as error:
        raise FilterRefused(error, list_request.filtered_page, list_request.text) from None
    return None if after is None else private(_new(request, list_request, after))


def alternatives(list_request: ListRequest, page: Page) -> Alternatives:
    whole = [*list_request.filtered_page.scope, *list_request.given]
    is_newest = list_request.order == "desc" and list_request.cursor is None
    return Alternatives(
        exports=[
            ExportLink(FORMATS[shape].label, _export(list_request, shape), FORMATS[shape].file_name)
            for shape in reversed(EXPORTS)
        ],
        feed=list_request.url(format="atom"),
        save=links.with_query(links.at("/account/views"), [("url", list_request.url())]),
        other_order=list_request.url(order="asc" if list_request.order == "desc" else "desc"),
        new_entries=list_request.url(after=str(page.up_to)) if is_newest else "",
        differences=links.differences(whole, nearest(whole)) if conditions(whole) else "",
    )


def _export(list_request: ListRequest, shape: str) -> str:
    return links.api_log(
        [*list_request.filtered_page.scope, *list_request.given, ("order", list_request.order), ("format", shape)]
    )


def _new(request: HttpRequest, list_request: ListRequest, after: int) -> HttpResponse:
    etag = f'"{hashlib.sha256(repr(log_version()).encode()).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        found = count_beyond(list_request.wanted, after, MOST_NEW)
        response = HttpResponse(str(found), content_type="text/plain; charset=utf-8")
    response["ETag"] = etag
    return response
