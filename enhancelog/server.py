"""granian as this product runs it: orders to stop are heard, request bodies have to arrive, a worker stays on one CPU.

Python runs one thread of a process at a time, and to hand over to one on another CPU takes ten times as long.
"""

import contextlib
import os
import queue
import signal
import socket
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from granian import _signals
from granian.server import mp

from enhancelog.arriving import watched


class Server(mp.MPServer):
    """Ends on SIGINT and SIGTERM, also when these reach its workers at the same moment."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.main_loop_interrupt = Wakeups()

    def serve_until_stopped(self) -> None:
        """Raises ``SystemExit`` (1) when it ends for another reason than a signal."""
        try:
            self.serve(spawn_target=_worker)
        except SystemExit:
            if not self.interrupt_signal:  # else a worker that obeyed sooner counts as one that failed
                raise


class Wakeups(threading.Event):
    """What wakes granian's main loop: every ``set`` is good for one ``wait``.

    A plain Event blocks for ever when a signal handler sets it while the loop holds its lock, and what is set while the
    loop sees to a worker that ended is lost to its ``clear``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pending: queue.SimpleQueue[None] = queue.SimpleQueue()  # the one queue that signal handlers may use

    def set(self) -> None:
        self._pending.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        self._pending.get(timeout=timeout)
        return True

    def clear(self) -> None:
        """Nothing is left to clear after a ``wait``."""


def _worker(*arguments: Any) -> None:
    """The life of a worker process."""
    if settings.PIN_WORKERS and hasattr(os, "sched_setaffinity"):
        server = zlib.crc32(socket.gethostname().encode()) + os.getppid()  # in containers all have the same pid
        with contextlib.suppress(OSError):  # where it is not allowed
            os.sched_setaffinity(0, {_cpu(arguments[0], server, sorted(os.sched_getaffinity(0)))})
    _signals.set_main_signals = _hear_in_any_thread  # type: ignore[assignment]
    call_wrapper = mp._wsgi_call_wrap  # type: ignore[attr-defined]
    mp._wsgi_call_wrap = lambda *wrapped: watched(call_wrapper(*wrapped))  # type: ignore[attr-defined]
    mp.MPServer._spawn_wsgi_worker(*arguments)


def _cpu(worker: int, server: int, usable: Sequence[int]) -> int:
    """Another one for each worker (numbered from 1), and not the same ones for every server (any number)."""
    return usable[(server + worker) % len(usable)]


def _hear_in_any_thread(handler: Callable[..., None]) -> None:
    """Have ``handler`` called at the first order to stop.

    Of two orders at once, a terminal's and the server's own, one of granian's threads may take both. The main thread
    then sleeps on, and with it Python's handlers. A wakeup descriptor is written to whoever took them.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)

    def listen() -> None:
        handler(os.read(read, 1)[0], None)

    threading.Thread(target=listen, name="signals", daemon=True).start()
