"""``GET /v1/enhance/log``: the whole list, streamed; a keyset page (``page_size``); the tail (``after``); or a feed.

A page and a tail carry ``Link: …; rel="next"``; the tail always, so that a reader can go on for ever. A feed
(``format=atom``) is what was stored last, whatever page or order is asked for.
"""

import time
from collections.abc import Sequence
from itertools import chain
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from enhancelog import filter_text, filters, links
from enhancelog.api import feeds, waiting
from enhancelog.api.base import link_next
from enhancelog.api.negotiation import LIST_TYPES, MEDIA_TYPES, answer_format
from enhancelog.api.waiting import streamed, watcher
from enhancelog.filters import EntryFilter, Order
from enhancelog.queries import entries
from enhancelog.queries.entries import Row
from enhancelog.times import now_ms
from enhancelog.transfer import exports
from enhancelog.transfer.atom import About

DEFAULT_PAGE_SIZE: Final = 100


def answer(request: HttpRequest) -> HttpResponseBase:
    """Whichever the parameters ask for. Raises ``Invalid`` naming the one that cannot be read."""
    parameters = dict(request.GET.lists())
    wanted = filters.parse(parameters, entries.began_ms(request.GET.get("cursor")) or now_ms())
    order = filters.order(parameters, "asc")
    size = filters.page_size(parameters)
    after = filters.after(parameters)
    wait_s = filters.wait_s(parameters)
    shape = answer_format(request, LIST_TYPES)
    if shape == "atom":
        return feeds.answer(request, wanted, _about(wanted))
    if after is not None:
        return _tail(request, wanted, after, size or DEFAULT_PAGE_SIZE, wait_s, shape)
    if size is not None or "cursor" in parameters:
        return _page(request, wanted, order, size or DEFAULT_PAGE_SIZE, shape)
    return _whole(request, wanted, order, shape)


def _about(wanted: EntryFilter) -> About:
    title = f"Enhance log {filter_text.render(wanted.pairs)}".rstrip()
    return feeds.about(title, links.api_log([*wanted.pairs, ("format", "atom")]), links.runs(wanted.pairs))


def _page(request: HttpRequest, wanted: EntryFilter, order: Order, size: int, shape: str) -> HttpResponse:
    page = entries.page(wanted, order, size, request.GET.get("cursor"))
    response = _rows(page.rows, shape)
    if page.next is not None:
        link_next(response, request, "cursor", str(page.next))
    return response


def _tail(request: HttpRequest, wanted: EntryFilter, after: int, size: int, wait_s: int, shape: str) -> HttpResponse:
    rows, following = entries.tail(wanted, after, size)
    if not rows and wait_s and request.method == "GET" and (slot := waiting.slots.take()):
        try:
            deadline = time.monotonic() + wait_s
            while not rows and watcher.wait(following, deadline - time.monotonic()):
                before = following
                rows, following = entries.tail(wanted, before, size)
                if following == before:  # what is new waits until its patterns are grouped
                    waiting.rest()
        finally:
            slot.give_back()
    response = _rows(rows, shape)
    link_next(response, request, "after", str(following))
    return response


def _whole(request: HttpRequest, wanted: EntryFilter, order: Order, shape: str) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse(content_type=MEDIA_TYPES[shape])
    chunks = entries.stream(wanted, order)
    first = next(chunks, [])  # a fault shows before the answer has begun
    second = next(chunks, None)
    if second is None:
        return _rows(first, shape)
    return streamed(exports.FORMATS[shape](chain([first, second], chunks)), MEDIA_TYPES[shape])


def _rows(rows: Sequence[Row], shape: str) -> HttpResponse:
    return HttpResponse(b"".join(exports.FORMATS[shape]([rows])), content_type=MEDIA_TYPES[shape])
