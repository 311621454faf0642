"""A thread per server process that adds what was appended to the tree of the evidence, and signs it."""

import logging
import threading
import time
from typing import Final

from django.db import connection

from enhancelog.backends.permit import permit
from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.maintenance import evidence_keys
from enhancelog.maintenance.resting import Rest
from enhancelog.projections import waking
from enhancelog.store import evidence

# Appends of this process wake it; those of others, and of commands, are seen after POLL_S.
POLL_S: Final = 1.0
# After the first append, and after what any process signed, so that all appends of a second share one checkpoint.
GATHER_S: Final = 1.0
# If there is more to add, it pauses for so many times as long as the last step took, and for GATHER_S at most: a busy
# server takes long for a step, and must not fall behind.
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
    pause_s, gather_s = 0.0, GATHER_S
    try:
        while not ends.wait(pause_s):
            waking.evidence_waits.clear()
            began = time.monotonic()
            has_more = _attempt(said, gather_s)
            connection.close()  # the last one to be closed takes along what SQLite keeps beside the database
            gather_s = 0.0 if has_more else GATHER_S
            if has_more is None:
                pause_s = PAUSE_AFTER_FAULT_S
            elif has_more:
                pause_s = min(RESTS * (time.monotonic() - began), GATHER_S)
            else:
                waking.evidence_waits.wait(POLL_S)
                pause_s = GATHER_S
    except WrongSchema as error:
        _log.warning("stopped signing checkpoints: %s", error)
    finally:
        connection.close()


def _attempt(said: "_Said", gather_s: float = 0.0) -> bool | None:
    """Whether there is more to add; ``None``: it failed, and may succeed later."""
    try:
        has_more = _step(gather_s)
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


def _step(gather_s: float) -> bool:
    # The permit is released while it rests, or waits for the write lock. Without it, each row that is read would be a
    # contest with requests for the interpreter, also while the write lock is held.
    with permit.held():
        return _built(gather_s)


def _built(gather_s: float) -> bool:
    # Nothing is written, and no file is opened, while there is nothing to add.
    keys = evidence_keys.for_signing()
    if not evidence.is_due(keys, round(1000 * gather_s)):
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
