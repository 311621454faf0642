"""How long to wait for a lock: a server gives up after a while, a command waits and says so."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

NOTICE_AFTER_S: Final = 1.0

_say: ContextVar[Callable[[str], object] | None] = ContextVar("say", default=None)


@contextmanager
def without_limit(say: Callable[[str], object]) -> Iterator[None]:
    """This thread waits without limit; ``say`` gets a line when a wait is long."""
    token = _say.set(say)
    try:
        yield
    finally:
        _say.reset(token)


def is_limited() -> bool:
    return _say.get() is None


class Wait:
    def __init__(self, what: str, timeout_s: float) -> None:
        self._what = what
        self._timeout_s = timeout_s
        self._say = _say.get()
        self._began = time.monotonic()
        # Whether the notice was given.
        self.is_long = False

    def goes_on(self) -> bool:
        waited_s = time.monotonic() - self._began
        if self._say is None:
            return waited_s <= self._timeout_s
        if waited_s >= NOTICE_AFTER_S and not self.is_long:
            self.is_long = True
            self._say(f"waiting for {self._what} …")
        return True

    @property
    def next_s(self) -> float:
        if self._say is not None:
            return NOTICE_AFTER_S
        return max(0.0, min(NOTICE_AFTER_S, self._timeout_s - (time.monotonic() - self._began)))
