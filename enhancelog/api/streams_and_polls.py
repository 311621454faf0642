"""Streams and long polls. The server drives both, so a slow client blocks no thread."""

import time
from collections.abc import Hashable, Iterator
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

from enhancelog.api.concurrency_limits import Slot, Slots
from enhancelog.api.errors import problem_response
from enhancelog.api.exchange import Poll, exchange_of
from enhancelog.api.retry_after import RETRY_AFTER_S, retry_after
from enhancelog.api.throttles import caller
from enhancelog.domain import filters
from enhancelog.domain.filters import Parameters
from enhancelog.observing import metrics

LONGEST_WAIT_S: Final = 30

_WORKERS: Final = settings.WORKERS * settings.SERVERS

streams = Slots(settings.STREAMS, _WORKERS)
polls = Slots(settings.POLLS, _WORKERS)


class HeldStream:
    """Releases its slot when it ends or is closed."""

    def __init__(self, chunks: Iterator[bytes], slot: Slot) -> None:
        self._chunks = chunks
        self._slot = slot

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        self.close()

    def close(self) -> None:
        self._slot.release()


def streamed(request: Request, chunks: Iterator[bytes], content_type: str) -> HttpResponseBase:
    """503 if too many streams are open."""
    slot = streams.take(caller(request))
    if slot is None:
        metrics.limited("streams")
        detail = "Too many long responses are under way, in total or for this caller. Try again later."
        return problem_response(503, detail, headers={"Retry-After": retry_after(RETRY_AFTER_S)})
    return StreamingHttpResponse(HeldStream(chunks, slot), content_type=content_type)


def head_of_stream(content_type: str) -> HttpResponseBase:
    """For HEAD. Not an empty response, whose length would be taken for the stream's."""
    return StreamingHttpResponse((), content_type=content_type)


def wait_s(parameters: Parameters) -> int:
    """Raises ``Invalid`` (wait)."""
    return filters.whole(parameters, "wait", LONGEST_WAIT_S) or 0


def poll(request: HttpRequest, who: Hashable, beyond: int, wait_s: int) -> None:
    """Have the request run again when the log has passed ``beyond``, up to ``wait_s`` seconds after the first run.
    Otherwise the current response is sent: on timeout, without a free slot, or under another server."""
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
