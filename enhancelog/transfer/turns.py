"""A few threads of a process take turns, in the order in which they came."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from enhancelog.backends.permit import permit
from enhancelog.domain.errors import Other


class Turns:
    # A semaphore would let whoever ends a turn begin the next one before those that wait.
    def __init__(self, most: int, patience_s: float) -> None:
        self._patience_s = patience_s
        self._free = most
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises ``Other`` if it does not come within the time."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def _begin(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        with permit.released():
            if not mine.acquire(timeout=self._patience_s) and not self._was_given(mine):
                raise Other("other long requests kept the database busy for too long")

    def _was_given(self, mine: threading.Lock) -> bool:
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True

    def _end(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
