"""The threads that a server process runs beside its requests."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from django.conf import settings

from enhancelog.accounts import last_seen
from enhancelog.backends import dialect, reading
from enhancelog.maintenance import alert_worker, backup_worker, evidence_worker, pattern_worker, witness_worker
from enhancelog.projections import waking

_ends: Final = threading.Event()
_threads: Final[list[threading.Thread]] = []


def start() -> None:
    dialect().stay()
    if reading.is_configured():
        reading.watch()  # before the first request, which may come when the primary is gone
    _threads.extend([start(_ends) for start in starts()])


def starts() -> Sequence[Callable[[threading.Event], threading.Thread]]:
    found = [pattern_worker.start, alert_worker.start, evidence_worker.start, last_seen.start, backup_worker.start]
    if settings.WITNESSES and not settings.DEMO:  # the witnesses do not know the demo's log
        found.append(witness_worker.start)
    return found


def stop(within_s: float) -> None:
    """Let each finish its step and close its connection; one that takes longer is cut off, as by a kill."""
    deadline = time.monotonic() + within_s
    _ends.set()
    waking.work_waits.set()
    waking.alerts_wait.set()
    waking.evidence_waits.set()
    last_seen.wake()
    for thread in _threads:
        thread.join(max(0.0, deadline - time.monotonic()))
