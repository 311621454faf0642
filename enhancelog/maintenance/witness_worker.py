"""A thread per server process that has witnesses cosign the checkpoint; one process at a time asks them."""

import logging
import threading
from typing import Final

from django.conf import settings
from django.db import connection

from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.maintenance import witnessing

POLL_S: Final = 5.0
PAUSE_AFTER_FAULT_S: Final = 60.0

_log = logging.getLogger(__name__)


def start(ends: threading.Event | None = None) -> threading.Thread:
    """Work in a daemon thread until the process or ``ends``."""
    thread = threading.Thread(target=_run, args=[ends or threading.Event()], name="witness-worker", daemon=True)
    thread.start()
    return thread


def _run(ends: threading.Event) -> None:
    pause_s = POLL_S
    try:
        while not ends.wait(pause_s):
            pause_s = POLL_S if _attempt() else PAUSE_AFTER_FAULT_S
            connection.close()  # the last one to be closed takes along what SQLite keeps beside the database
    except WrongSchema as error:
        _log.warning("stopped asking witnesses: %s", error)
    finally:
        connection.close()


def _attempt() -> bool:
    try:
        witnessing.step(settings.WITNESSES)
    except WrongSchema:
        raise
    except StoreError as error:
        _log.warning("cannot ask witnesses: %s", error)
        return False
    except Exception:  # continue; it may succeed later
        _log.exception("cannot ask witnesses")
        return False
    return True
