"""A thread per server process that makes the copies of ``scheduled_backups``; one process at a time does it."""

import logging
import threading
import time
from typing import Final

from django.db import Error, connection

from enhancelog.domain.errors import StoreError
from enhancelog.domain.times import now_ms
from enhancelog.maintenance import scheduled_backups

# The start of a server comes first, and one that keeps dying makes no copies.
FIRST_S: Final = 10.0
POLL_S: Final = 5.0
# While there is nothing to copy, or nothing to copy it with.
REST_S: Final = 60.0

_log = logging.getLogger(__name__)


class Stopped(Exception):
    pass


class Pace:
    """Ends the copy with the server, and rests as long as each step took, so that requests go on beside it."""

    def __init__(self, ends: threading.Event) -> None:
        self._ends = ends
        self._began = time.monotonic()

    def __call__(self) -> None:
        if self._ends.wait(min(time.monotonic() - self._began, 1.0)):
            raise Stopped
        self._began = time.monotonic()


def start(ends: threading.Event) -> threading.Thread:
    """Work in a daemon thread until the process or ``ends``."""
    thread = threading.Thread(target=_run, args=[ends], name="backup-worker", daemon=True)
    thread.start()
    return thread


def _run(ends: threading.Event) -> None:
    if not scheduled_backups.is_on():
        return
    wait_s = FIRST_S
    while not ends.wait(wait_s):
        try:
            wait_s = _round(ends)
        except Stopped:
            return
        except (OSError, Error, StoreError) as error:
            _log.warning("cannot make a backup: %s", _reason(error))
            wait_s = REST_S
        except Exception:  # continue; it may succeed later
            _log.exception("cannot make a backup")
            wait_s = REST_S
        finally:
            connection.close()


def _round(ends: threading.Event) -> float:
    # Returns how long to wait for the next one, in seconds.
    if scheduled_backups.due_ms() > now_ms():
        return POLL_S
    with scheduled_backups.alone() as is_alone:
        # Another process may have made it meanwhile.
        if not is_alone or scheduled_backups.due_ms() > now_ms():
            return POLL_S
        if scheduled_backups.unable() or not scheduled_backups.is_worth_it():
            return REST_S
        try:
            made = scheduled_backups.make(Pace(ends))
        except Exception as error:
            if not isinstance(error, Stopped):
                scheduled_backups.note_failure(_reason(error))
            raise
    _log.info("made a backup: %s", made)
    return POLL_S


def _reason(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())
