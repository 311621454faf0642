"""Limits concurrent long responses, in total and per caller."""

import math
import threading
from collections import Counter
from collections.abc import Hashable
from typing import Final

SHARE_OF_ONE_CALLER: Final = 4  # A caller gets at most one part in this many


class Slots:
    """``total`` is the limit over all workers of all servers; each grants its share."""

    def __init__(self, total: int, workers: int) -> None:
        self.limit = math.ceil(total / workers)
        self.limit_of_one_caller = math.ceil(self.limit / SHARE_OF_ONE_CALLER)
        self._taken: Counter[Hashable] = Counter()
        self._in_use = 0
        self._lock = threading.Lock()

    def take(self, caller: Hashable) -> "Slot | None":
        """``None`` if a limit is reached."""
        with self._lock:
            if self._in_use >= self.limit or self._taken[caller] >= self.limit_of_one_caller:
                return None
            self._in_use += 1
            self._taken[caller] += 1
        return Slot(self, caller)

    def _release(self, caller: Hashable) -> None:
        with self._lock:
            self._in_use -= 1
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]


class Slot:
    def __init__(self, slots: Slots, caller: Hashable) -> None:
        self._slots: Slots | None = slots
        self._caller = caller

    def release(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots._release(self._caller)
