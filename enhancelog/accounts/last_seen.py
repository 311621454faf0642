"""Records when sessions were last used, in a thread of its own, so that no page waits for the database."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db import Error, connection, transaction

from enhancelog.models import Session

# Sessions that wait to be recorded. More are recorded at their next use.
MOST_WAITING: Final = 10_000
AT_ONCE: Final = 100
# Between two writes, so that many sessions share one.
PAUSE_S: Final = 2.0


class Use(NamedTuple):
    at: datetime
    address: str
    browser: str


_log = logging.getLogger(__name__)
_waiting: Final[dict[str, Use]] = {}
_lock: Final = threading.Lock()
_some_wait: Final = threading.Event()


def note(session_key: str, use: Use) -> None:
    with _lock:
        if session_key in _waiting or len(_waiting) < MOST_WAITING:
            _waiting[session_key] = use
    _some_wait.set()


def write() -> None:
    """What waits now; what cannot be recorded is given up, and noted again at the session's next use."""
    with _lock:
        uses = dict(_waiting)
        _waiting.clear()
    if not uses:
        return
    # In one order, so that two servers do not wait for each other; in short transactions, which others wait for.
    waiting = sorted(uses.items())
    for begin in range(0, len(waiting), AT_ONCE):
        try:
            _write(waiting[begin : begin + AT_ONCE])
        except Error as error:
            left = len(waiting) - begin
            what = "a session was" if left == 1 else f"{left} sessions were"
            _log.warning("cannot record when %s last used: %s", what, error)
            return


def _write(some: Sequence[tuple[str, Use]]) -> None:
    with transaction.atomic():
        for key, use in some:
            rows = Session.objects.filter(pk=key, seen__lt=use.at)
            rows.update(seen=use.at, address=use.address, browser=use.browser)


def start(ends: threading.Event) -> threading.Thread:
    """Write in a daemon thread until the process or ``ends``."""
    thread = threading.Thread(target=_run, args=[ends], name="last-seen", daemon=True)
    thread.start()
    return thread


def wake() -> None:
    _some_wait.set()


def _run(ends: threading.Event) -> None:
    while not ends.is_set():
        _some_wait.wait()
        _some_wait.clear()
        write()
        connection.close()
        ends.wait(PAUSE_S)
