"""Reports each thing once, and not too many: strangers choose some of them."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

MOST: Final = 20
FORGOTTEN_AFTER_S: Final = 3600.0


class FirstSeen:
    """Forgets all after ``FORGOTTEN_AFTER_S``; until then it accepts at most ``MOST``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: set[str] = set()
        self._since = clock()
        self._lock = Lock()

    def accepts(self, name: str) -> bool:
        with self._lock:
            now = self._clock()
            if now - self._since > FORGOTTEN_AFTER_S:
                self._seen.clear()
                self._since = now
            if name in self._seen or len(self._seen) >= MOST:
                return False
            self._seen.add(name)
            return True
