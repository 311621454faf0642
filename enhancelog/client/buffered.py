"""A client of the log that loses nothing: ``append`` writes to a spool on disk, and a thread sends."""

import logging
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from enhancelog.client.connection import Connection
from enhancelog.client.delivery import Delivered, Delivery
from enhancelog.client.endpoint import TOTAL_S
from enhancelog.client.exchange import Unavailable
from enhancelog.client.log_calls import line_of
from enhancelog.client.log_store import HttpLogReads
from enhancelog.client.spool import MAX_BYTES, InUse, Spool
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid, Other
from enhancelog.domain.records import Entry

FLUSH_EVERY_S: Final = 2.0
CLOSE_S: Final = 5.0

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_IDLE_S: Final = 30.0  # then looks for entries of other processes
_IN_USE_S: Final = 0.1

logger = logging.getLogger(__name__)


class EnhanceLogClient(HttpLogReads):
    """``spool``: the queue's file, by default ``ENHANCELOG_SPOOL``; threads and processes may share it. Without
    ``background``, only ``flush`` and ``close`` send. Raises ``Invalid`` without a spool, ``Other`` if it cannot be
    used."""

    name = "http-spooled"

    def __init__(
        self,
        connection: Connection | None = None,
        *,
        spool: Path | str | None = None,
        max_bytes: int = MAX_BYTES,
        flush_every_s: float = FLUSH_EVERY_S,
        background: bool = True,
    ) -> None:
        super().__init__(connection)
        self._spool = Spool(spool_path(spool), max_bytes)
        self._owned = None if connection else self.connection
        self._delivery = Delivery(self._spool, self.connection)
        self._flush_every_s = flush_every_s
        self._delivered = Delivered()
        self._counting = threading.Lock()
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="enhancelog-delivery", daemon=True)
        if background:
            self._woken.set()  # entries of an earlier process
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def quarantine(self) -> Path:
        return self._spool.quarantine.path

    def append(self, entry: Entry) -> str:
        """Returns the digest once the entry is on disk, else raises ``Full`` or ``Other``. A conflict shows when it is
        sent."""
        return self.append_many([entry])[0]

    def append_many(self, entries: Iterable[Entry]) -> list[str]:
        """All or none, in one write."""
        spooled = list(entries)
        self._spool.add([(entry.issue_id, line_of(entry)) for entry in spooled])
        self._woken.set()
        return [records.digest(entry) for entry in spooled]

    def waiting(self) -> int:
        return self._spool.count()

    def flush(self, timeout_s: float = TOTAL_S) -> Delivered:
        """Sends everything; returns what this client delivered since the last ``flush``. Raises ``Other`` if something
        still waits after ``timeout_s``, or at once if trying again is useless."""
        if os.getpid() != self._process:
            raise Other("this client belongs to the parent process; create another one after a fork")
        deadline = time.monotonic() + timeout_s
        pause_s = _FIRST_PAUSE_S / 4
        while True:
            try:
                if not self._deliver():
                    return self._counted()
                pause_s = _FIRST_PAUSE_S / 4
            except (InUse, Unavailable) as failure:
                wait_s = _IN_USE_S if isinstance(failure, InUse) else max(pause_s, failure.retry_after_s)
                if time.monotonic() + wait_s >= deadline:
                    raise
                time.sleep(wait_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """What is not sent in ``timeout_s`` stays in the spool, for the next client or ``enhancelog flush``."""
        if os.getpid() != self._process:
            return
        self._closing.set()
        self._woken.set()
        deadline = time.monotonic() + timeout_s
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        try:
            self.flush(max(0.0, deadline - time.monotonic()))
        except (Other, Invalid) as error:
            logger.warning("%s; entries not sent yet stay in %s", error, self._spool.path)
        if self._owned:
            self._owned.close()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            self._woken.wait(_IDLE_S)
            self._closing.wait(self._flush_every_s)  # so that entries gather
            self._woken.clear()
            try:
                while not self._closing.is_set() and self._deliver():
                    pause_s = _FIRST_PAUSE_S
            except InUse:
                self._woken.set()  # another process sends ours too, unless it exits first
            except Exception as error:  # nothing may end the thread
                wait_s = max(pause_s, getattr(error, "retry_after_s", 0.0))
                logger.warning("%s; trying again in %g s", error, wait_s)
                self._closing.wait(wait_s)
                self._woken.set()
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _deliver(self) -> bool:
        done = self._delivery.batch()
        if done is None:
            return False
        with self._counting:
            self._delivered = self._delivered.plus(done)
        return True

    def _counted(self) -> Delivered:
        with self._counting:
            done, self._delivered = self._delivered, Delivered()
        return done


def spool_path(given: Path | str | None) -> Path:
    if found := given or os.environ.get("ENHANCELOG_SPOOL"):
        return Path(found)
    raise Invalid("spool", "missing", "name the file of the spool, or set ENHANCELOG_SPOOL")
