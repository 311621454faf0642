"""How long to wait for a server that does not answer, or whose machine is gone without a word."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg

if TYPE_CHECKING:
    from enhancelog.backends.postgresql.base import DatabaseWrapper

# Without these, the kernel goes on for 16 minutes or more with a machine that vanished, as when a cable is cut, and a
# thread waits for as long.
GONE: Final = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
# Not for programs that send a whole dump: a server whose disk stalls takes nothing for a while.
UNACKNOWLEDGED: Final = {"tcp_user_timeout": 5_000}  # ms

LEAST_CONNECT_S: Final = 2  # that libpq accepts
AGAIN_S: Final = 0.2


# Parameters of a connection; those of the URL take precedence.
def defaults(given: dict[str, Any]) -> dict[str, Any]:
    return {**GONE, **UNACKNOWLEDGED, **given}


def interrupt(wrapper: "DatabaseWrapper") -> None:
    """From another thread: whatever waits for an answer on this connection fails now."""
    with suppress(OSError, AttributeError, psycopg.Error), socket.socket(fileno=os.dup(_file(wrapper))) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def _file(wrapper: "DatabaseWrapper") -> int:
    return int(wrapper.connection.fileno())


@contextmanager
def answering_within(wrapper: "DatabaseWrapper", seconds: float) -> Iterator[None]:
    """What this thread asks fails if it is not answered in time, whatever the server does."""
    wrapper.connect_by = time.monotonic() + seconds
    guard = _Guard(wrapper, seconds)
    guard.start()
    try:
        yield
    finally:
        wrapper.connect_by = None
        if guard.ended():
            wrapper.close()


class _Guard(threading.Thread):
    def __init__(self, wrapper: "DatabaseWrapper", seconds: float) -> None:
        super().__init__(name="answer-guard", daemon=True)
        self._wrapper, self._seconds = wrapper, seconds
        self._ends = threading.Event()
        self._has_interrupted = False

    def run(self) -> None:
        pause_s = self._seconds
        while not self._ends.wait(pause_s):
            interrupt(self._wrapper)
            self._has_interrupted = True
            pause_s = AGAIN_S  # the connection may have been made only now

    def ended(self) -> bool:
        """Whether it has interrupted, which it does not do from now on."""
        self._ends.set()
        self.join()
        return self._has_interrupted
