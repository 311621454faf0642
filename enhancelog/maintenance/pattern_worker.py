"""Groups new templates in the background of a server, and derives all deny patterns anew after the rules changed.

Every server process has a worker. It begins at once with what its own process committed. What another process left it
takes on when nobody got any further with it for ``POLL_S``.
"""

import logging
import threading
import time
from typing import Final

from django.db import connection

from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.projections.patterns import axes
from enhancelog.store.pattern_groups import Step, waiting
from enhancelog.store.pattern_rebuild import step

POLL_S: Final = 15.0
PAUSE_S: Final = {Step.WORKED: 0.01, Step.BUSY: 0.5}
"""After a step: for those who wait for the lock; while somebody else is at it."""
PAUSE_AFTER_FAULT_S: Final = 5.0

WORK_S: Final = 0.002
REST_S: Final = 0.001
"""So long the worker computes, and so long it then leaves the interpreter to requests."""

_log = logging.getLogger(__name__)


def start(ends: threading.Event | None = None) -> threading.Thread:
    """Work in a thread of its own, as long as the process lives or until it is to end, and has heard of it."""
    thread = threading.Thread(target=_run, args=[ends or threading.Event()], name="pattern-worker", daemon=True)
    thread.start()
    return thread


def _run(ends: threading.Event) -> None:
    try:
        while not ends.is_set():
            axes.learned.clear()
            work_off()
            _wait_for_work()
    except WrongSchema as error:
        _log.warning("grouping the deny patterns ends: %s", error)


def work_off() -> None:
    """Do what there is to do, until nothing is left."""
    try:
        while (became := _step()) is not Step.DONE:
            time.sleep(PAUSE_AFTER_FAULT_S if became is None else PAUSE_S[became])
    finally:
        connection.close()


def _step() -> Step | None:
    """``None``: something failed, most likely the database, which it may not do the next time."""
    try:
        return step(_Rest())
    except WrongSchema:
        raise
    except StoreError as error:
        _log.warning("grouping the deny patterns: %s", error)
    except Exception:  # the worker goes on; an axis that cannot be grouped remains pending
        _log.exception("grouping the deny patterns")
    connection.close()
    return None


def _wait_for_work() -> None:
    seen: list[axes.Pending] = []
    while not axes.learned.wait(POLL_S):
        seen, before = _waiting(), seen
        if seen and seen[:1] == before[:1]:
            return


def _waiting() -> list[axes.Pending]:
    """What waits, of whichever process; nothing too where the database cannot say."""
    try:
        return waiting()
    except (StoreError, OSError):
        return []
    finally:
        connection.close()


class _Rest:
    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._since > WORK_S:
            time.sleep(REST_S)
            self._since = time.monotonic()
