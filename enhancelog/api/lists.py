"""``GET /v1/enhance/log``: everything, streamed; a page (``page_size``, ``cursor``); the tail (``after``); or a feed
(``format=atom``), which ignores page and order. A page links to the next one, a tail always does."""

from collections.abc import Sequence
from http import HTTPStatus
from itertools import chain
from typing import Final

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from enhancelog import links
from enhancelog.api import feeds
from enhancelog.api.base import conditional_response, etag_of, link_next
from enhancelog.api.derivation import wait_until_derived, with_derived_to
from enhancelog.api.negotiation import LIST_TYPES, MEDIA_TYPES, answer_format
from enhancelog.api.streams_and_polls import head_of_stream, poll, streamed, wait_s
from enhancelog.api.throttles import caller
from enhancelog.backends import Row
from enhancelog.domain import filter_box, filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter, Order
from enhancelog.domain.times import now_ms
from enhancelog.queries import entries
from enhancelog.transfer.atom import About
from enhancelog.transfer.formats import EXPORTS

# A response that is larger counts as a stream, since it stays in memory until its client has read it
LARGE_BYTES: Final = 1 << 20


def answer(called: Request) -> HttpResponseBase:
    """Raises ``Invalid`` with the parameter's name."""
    request = called._request
    parameters = dict(request.GET.lists())
    _check(parameters)
    wanted = filters.parse(parameters, entries.began_ms(request.GET.get("cursor")) or now_ms())
    order = filters.order(parameters, "asc")
    size = filters.page_size(parameters)
    after = filters.after(parameters)
    waits_s = wait_s(parameters)
    format = answer_format(request, LIST_TYPES)
    cursor = None if format == "atom" else request.GET.get("cursor")
    if cursor is not None:
        entries.read_cursor(cursor, wanted, order)
    up_to = wait_until_derived(called, wanted)
    if format == "atom":
        found: HttpResponseBase = feeds.answer(request, wanted, _about(wanted))
    elif after is not None:
        found = _tail(called, wanted, after, size or page_sizes.API, waits_s, format)
    elif size is not None or cursor is not None:
        found = _page(called, wanted, order, size or page_sizes.API, format)
    else:
        found = _whole(called, wanted, order, format)
    return with_derived_to(found, up_to)


def _check(parameters: filters.Parameters) -> None:
    filters.check_single(parameters, "order", "page_size", "cursor", "format", "after", "wait")
    if "after" not in parameters:
        if "wait" in parameters:
            raise Invalid("wait", "combination", 'needs "after", the position after which to wait')
        return
    for name in ("order", "cursor"):
        if name in parameters:
            raise Invalid(name, "combination", 'cannot be used with "after", which reads in the order of storage')


def _about(wanted: EntryFilter) -> About:
    title = f"Enhance log {filter_box.render(wanted.pairs)}".rstrip()
    return feeds.about(title, links.api_log([*wanted.pairs, ("format", "atom")]), links.runs(wanted.pairs))


def _page(called: Request, wanted: EntryFilter, order: Order, size: int, format: str) -> HttpResponseBase:
    page = entries.light_page(wanted, order, size, called._request.GET.get("cursor"))
    body = b"".join(EXPORTS[format]([page.rows]))
    etag = etag_of(body, format, page.next is None)  # the ETag changes when another page follows
    response = conditional_response(called._request, etag) or _whole_body(called, body, format)
    if response.status_code == HTTPStatus.OK:
        response.headers["ETag"] = etag
    if page.next is not None:
        link_next(response, called._request, "cursor", str(page.next))
    return response


def _tail(called: Request, wanted: EntryFilter, after: int, size: int, wait_s: int, format: str) -> HttpResponseBase:
    rows, following = entries.tail(wanted, after, size)
    if not rows and wait_s and called.method == "GET":
        poll(called._request, caller(called), following, wait_s)
    response = _rows(called, rows, format)
    link_next(response, called._request, "after", str(following))
    return response


def _whole(called: Request, wanted: EntryFilter, order: Order, format: str) -> HttpResponseBase:
    if called.method == "HEAD":
        return head_of_stream(MEDIA_TYPES[format])
    chunks = entries.stream(wanted, order)
    first = next(chunks, [])  # a fault is raised before the response begins
    second = next(chunks, None)
    if second is None:
        return _rows(called, first, format)
    return streamed(called, EXPORTS[format](chain([first, second], chunks)), MEDIA_TYPES[format])


def _rows(called: Request, rows: Sequence[Row], format: str) -> HttpResponseBase:
    return _whole_body(called, b"".join(EXPORTS[format]([rows])), format)


def _whole_body(called: Request, body: bytes, format: str) -> HttpResponseBase:
    if len(body) > LARGE_BYTES:
        return streamed(called, iter([body]), MEDIA_TYPES[format])
    return HttpResponse(body, content_type=MEDIA_TYPES[format])
