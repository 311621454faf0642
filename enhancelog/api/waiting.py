"""Responses that take long: streams and long polls. Their number is bounded, and a slow client holds no thread.

The server in front pulls a stream chunk by chunk as fast as its client reads, and waits for a long poll by itself.
"""

import time
from collections.abc import Hashable, Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

from enhancelog.api.errors import RETRY_AFTER_S, problem_response
from enhancelog.api.exchange import Poll, exchange_of
from enhancelog.api.slots import Slot, Slots
from enhancelog.api.throttles import caller
from enhancelog.observing import metrics

streams = Slots(settings.STREAMS, settings.WORKERS)
polls = Slots(settings.POLLS, settings.WORKERS)


class HeldStream:
    """An iterator of bytes that keeps its slot until it ends or is closed, whichever comes first."""

    def __init__(self, chunks: Iterator[bytes], slot: Slot) -> None:
        self._chunks = chunks
        self._slot = slot

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        self.close()

    def close(self) -> None:
        self._slot.release()


def streamed(request: Request, chunks: Iterator[bytes], content_type: str) -> HttpResponseBase:
    """A response that is made while it is sent, or 503 when too many are under way."""
    slot = streams.take(caller(request))
    if slot is None:
        metrics.limited("streams")
        detail = "Too many long responses are under way, in total or for this caller. Try again later."
        return problem_response(503, detail, headers={"Retry-After": RETRY_AFTER_S})
    return StreamingHttpResponse(HeldStream(chunks, slot), content_type=content_type)


def poll(request: HttpRequest, who: Hashable, beyond: int, wait_s: int) -> None:
    """Have the request run again when the log has grown past ``beyond``, for at most ``wait_s`` seconds in all.

    The present response is the answer where the time is up, too many polls are open, or the server cannot wait.
    """
    exchange = exchange_of(request)
    if exchange is None:
        return
    if exchange.poll is None:
        slot = polls.take(who)
        if slot is None:
            metrics.limited("polls")
            return
        exchange.poll = Poll(beyond, time.monotonic() + wait_s, slot)
    elif time.monotonic() < exchange.poll.deadline:
        exchange.poll.beyond = beyond
        exchange.poll.is_waiting = True
