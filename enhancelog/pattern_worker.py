"""Rebuilds the deny patterns in the background of a server whose release has other rules than the one before it.

Every server process may have one; they share the work by ``store.pattern_rebuild``. It ends when nothing is left to do.
"""

import logging
import threading
import time
from typing import Final

from django.db import connection

from enhancelog.errors import StoreError, WrongSchema
from enhancelog.store.pattern_rebuild import Step, step

PAUSE_S: Final = {Step.WORKED: 0.01, Step.BUSY: 2.0}
"""After a step: for those who wait for the lock; while somebody else is at it."""
PAUSE_AFTER_FAULT_S: Final = 5.0

_log = logging.getLogger(__name__)


def start() -> threading.Thread:
    """Look in a thread of its own whether something is left to do, and do it."""
    thread = threading.Thread(target=_run, name="pattern-worker", daemon=True)
    thread.start()
    return thread


def _run() -> None:
    try:
        while (became := _step()) is not Step.DONE:
            time.sleep(PAUSE_AFTER_FAULT_S if became is None else PAUSE_S[became])
    finally:
        connection.close()


def _step() -> Step | None:
    """``None``: the database failed, which it may not do the next time."""
    try:
        return step()
    except WrongSchema as error:
        _log.warning("rebuilding the deny patterns ends: %s", error)
        return Step.DONE
    except StoreError as error:
        _log.warning("rebuilding the deny patterns: %s", error)
        connection.close()
        return None
