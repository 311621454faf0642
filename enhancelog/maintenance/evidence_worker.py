"""A thread per server process that adds what was appended to the tree of the evidence, and signs it."""

import logging
import threading
import time
from typing import Final

from django.db import connection

from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.maintenance import evidence_keys
from enhancelog.projections import waking
from enhancelog.store import evidence

# Appends of this process wake it; those of others, and of commands, are seen after POLL_S.
POLL_S: Final = 2.0
# Between two checkpoints, so that many appends share one; and so many times as long as the last step took, so that
# appends go on beside it.
PAUSE_S: Final = 0.5
RESTS: Final = 4
PAUSE_AFTER_FAULT_S: Final = 15.0

_log = logging.getLogger(__name__)


def start(ends: threading.Event | None = None) -> threading.Thread:
    """Work in a daemon thread until the process or ``ends``."""
    thread = threading.Thread(target=_run, args=[ends or threading.Event()], name="evidence-worker", daemon=True)
    thread.start()
    return thread


def _run(ends: threading.Event) -> None:
    said = _Said()
    try:
        while not ends.is_set():
            waking.evidence_waits.clear()
            began = time.monotonic()
            has_more = _attempt(said)
            connection.close()  # the last one to be closed takes along what SQLite keeps beside the database
            pause_s = PAUSE_AFTER_FAULT_S if has_more is None else max(PAUSE_S, RESTS * (time.monotonic() - began))
            if not ends.wait(pause_s) and has_more is False:
                waking.evidence_waits.wait(POLL_S)
    except WrongSchema as error:
        _log.warning("stopped signing checkpoints: %s", error)
    finally:
        connection.close()


def _attempt(said: "_Said") -> bool | None:
    """Whether there is more to add; ``None``: it failed, and may succeed later."""
    try:
        has_more = _step()
    except WrongSchema:
        raise
    except (StoreError, OSError) as error:
        said.once(str(error))
        return None
    except Exception:  # continue; it may succeed later
        _log.exception("cannot sign a checkpoint")
        return None
    said.nothing()
    return has_more


def _step() -> bool:
    # Nothing is written, and no file is opened, while there is nothing to add.
    keys = evidence_keys.for_signing()
    if not evidence.is_due(keys):
        return False
    with evidence_keys.alone() as is_alone:
        return is_alone and evidence.step(keys, Rest())


class _Said:
    # A missing key is missing every time.
    def __init__(self) -> None:
        self._last = ""

    def once(self, reason: str) -> None:
        if reason != self._last:
            _log.warning("cannot sign a checkpoint: %s", reason)
        self._last = reason

    def nothing(self) -> None:
        self._last = ""


class Rest:
    """Leaves the interpreter to requests for as long as it had it."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self) -> None:
        time.sleep(time.monotonic() - self._since)
        self._since = time.monotonic()
