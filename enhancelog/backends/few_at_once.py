"""Limits how many threads of a process do what is expensive at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from enhancelog.backends.permit import permit
from enhancelog.domain.errors import Busy


class FewAtOnce:
    def __init__(self, most: int, wait_s: float, busy: str, retry_after_s: int) -> None:
        self._slots = threading.BoundedSemaphore(most)
        self._wait_s = wait_s
        self._busy, self._retry_after_s = busy, retry_after_s

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Raises ``Busy`` if none is free within the time."""
        with permit.released():
            is_free = self._slots.acquire(timeout=self._wait_s)
        if not is_free:
            raise Busy(self._busy, self._retry_after_s)
        try:
            yield
        finally:
            self._slots.release()
