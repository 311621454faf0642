"""Answers that take long must not take every thread: long polls and streams share a bounded number of slots.

A long poll costs a thread but no database connection: one watcher per process looks at the log while anybody waits and
wakes all of them.
"""

import threading
import time
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db import Error, connection
from django.http import HttpResponseBase, StreamingHttpResponse

from enhancelog.api.errors import RETRY_AFTER_S, problem_response
from enhancelog.store.database import last_position
from enhancelog.turns import turns

POLL_S: Final = 0.25


class Slots:
    """How many threads may be busy with long answers at once."""

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)

    def take(self) -> "Slot | None":
        """A slot to give back, or ``None`` when all are taken."""
        return Slot(self._free) if self._free.acquire(blocking=False) else None


class Slot:
    """Given back once, however often it is asked to be."""

    def __init__(self, free: threading.BoundedSemaphore) -> None:
        self._free: threading.BoundedSemaphore | None = free

    def give_back(self) -> None:
        free, self._free = self._free, None
        if free is not None:
            free.release()


class HeldStream:
    """An iterator of bytes that keeps its slot until it ends or the server closes it, whichever comes first."""

    def __init__(self, chunks: Iterator[bytes], slot: Slot) -> None:
        self._chunks = chunks
        self._slot = slot

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        self.close()

    def close(self) -> None:
        self._slot.give_back()


class Watcher:
    """Wakes everybody who waits for the log to grow."""

    def __init__(self) -> None:
        self._grown = threading.Condition()
        self._waiting = 0
        self._running = False
        self._position = 0

    def wait(self, beyond: int, timeout_s: float) -> bool:
        """Whether the log went beyond this position within the time. Holds no database connection meanwhile."""
        if not connection.in_atomic_block:
            connection.close()
        with turns.paused(), self._grown:
            self._waiting += 1
            if not self._running:
                self._running, self._position = True, 0
                threading.Thread(target=self._watch, name="log-watcher", daemon=True).start()
            try:
                return self._grown.wait_for(lambda: self._position > beyond, timeout_s)
            finally:
                self._waiting -= 1

    def _watch(self) -> None:
        while True:
            position = self._look()
            with self._grown:
                self._position = position
                self._grown.notify_all()
                if not self._waiting:
                    self._running = False
                    break
            time.sleep(POLL_S)
        connection.close()

    def _look(self) -> int:
        try:
            return last_position()
        except Error:  # the waiters time out and meet the fault themselves
            connection.close()
            return 0


def rest() -> None:
    """Until it is worth looking again."""
    with turns.paused():
        time.sleep(POLL_S)


def streamed(chunks: Iterator[bytes], content_type: str) -> HttpResponseBase:
    """A long answer, or 503 when too many are under way."""
    slot = slots.take()
    if slot is None:
        detail = "Too many long answers are under way; try again."
        return problem_response(503, detail, headers={"Retry-After": RETRY_AFTER_S})
    return StreamingHttpResponse(HeldStream(chunks, slot), content_type=content_type)


slots = Slots(max(1, settings.THREADS // 2))
watcher = Watcher()
