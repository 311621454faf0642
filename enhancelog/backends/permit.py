"""One permit per process for running Python code."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Python runs one thread at a time anyway. Without the permit, threads compete for the interpreter whenever SQLite
# returns a row, and most of the time is spent switching between them. A thread that blocks (on a group commit or a
# file lock) releases the permit. Nobody waits longer than PERMIT_PATIENCE_S for it: a slow page delays others once by
# that, then they run beside it.
PERMIT_PATIENCE_S: Final = 0.02


class Permit:
    """A lock with a timeout that its holder can release while it blocks."""

    def __init__(self, patience_s: float = PERMIT_PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._free = threading.Lock()
        self._thread = threading.local()

    @contextmanager
    def held(self) -> Iterator[None]:
        self._acquire()
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """No effect on a thread without the permit."""
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
        held = getattr(self._thread, "holds", False)
        if held:
            self._thread.holds = False
            self._free.release()
        return held


permit = Permit()
