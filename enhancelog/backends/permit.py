"""One permit a process for running Python, so that its threads do not fight for the interpreter. No Django.

Python runs one thread at a time anyway. Without the permit, threads compete for the interpreter whenever SQLite returns
a row, and most of the time goes to switching between them. Whoever waits for something else (a group commit, a file
lock) releases the permit meanwhile. Nobody waits for it longer than ``PATIENCE_S``: a slow page delays others by that
much once, and then runs beside them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_S: Final = 0.02


class Permit:
    """A lock that is given up on after a while, and that its holder can release for as long as it waits."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._free = threading.Lock()
        self._thread = threading.local()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Run with the permit, or without it when it did not become free in time."""
        self._acquire()
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let others run during a wait. Does nothing for a thread that does not hold the permit."""
        if not self._release():
            yield
            return
        try:
            yield
        finally:
            self._acquire()

    def _acquire(self) -> None:
        self._thread.holds = self._free.acquire(timeout=self._patience_s)

    def _release(self) -> bool:
        """Whether this thread held it."""
        held = getattr(self._thread, "holds", False)
        if held:
            self._thread.holds = False
            self._free.release()
        return held


permit = Permit()
