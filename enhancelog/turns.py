"""The requests of one process take turns: one runs at a time, in the order in which they came.

Python runs one thread at a time anyway. Left to themselves the others fight for it whenever SQLite hands over a row,
and most of the time goes to changing threads. Who waits for something else lets the next one go meanwhile
(``paused``), and who has had its turn for ``SLICE_S`` goes on beside the next one, so that nobody waits for a slow
query or a slow reader. No Django.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SLICE_S: Final = 0.02


class Turns:
    """Who has the turn, and who waits for it."""

    def __init__(self, slice_s: float = SLICE_S) -> None:
        self._slice_s = slice_s
        self._changing = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._has_it: threading.Lock | None = None
        self._since = 0.0
        self._own = threading.local()

    @contextmanager
    def turn(self, *, first: bool = False) -> Iterator[None]:
        """Run in turn; ``first``: before everybody who waits."""
        self._enter(first=first)
        try:
            yield
        finally:
            self._leave()
            self._own.turn = None

    @contextmanager
    def paused(self, *, first: bool = False) -> Iterator[None]:
        """Others have their turn meanwhile; ``first`` goes on before who waits then. Outside a turn it does nothing."""
        if getattr(self._own, "turn", None) is None:
            yield
            return
        self._leave()
        try:
            yield
        finally:
            self._enter(first=first)

    def _enter(self, *, first: bool = False) -> None:
        """Each waits at a lock of its own, which is opened for it."""
        self._own.turn = turn = threading.Lock()
        with self._changing:
            if self._has_it is None:
                self._give(turn)
                return
            turn.acquire()
            (self._waiting.appendleft if first else self._waiting.append)(turn)
        while not turn.acquire(timeout=self._slice_s):
            if self._overtakes(turn):
                return

    def _overtakes(self, turn: threading.Lock) -> bool:
        """Whether it is the next one, and who has the turn has had it for long enough."""
        with self._changing:
            is_next = bool(self._waiting) and self._waiting[0] is turn
            if not is_next or time.monotonic() - self._since < self._slice_s:
                return False
            self._give(self._waiting.popleft())
            return True

    def _leave(self) -> None:
        with self._changing:
            if self._has_it is not self._own.turn:  # overtaken
                return
            if self._waiting:
                following = self._waiting.popleft()
                self._give(following)
                following.release()
            else:
                self._has_it = None

    def _give(self, turn: threading.Lock) -> None:
        self._has_it, self._since = turn, time.monotonic()


turns = Turns()
