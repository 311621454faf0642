"""A thread per server process that finishes what appends leave: deny patterns, themes, and what hosts' stores tell."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from django.db import connection

from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.maintenance.resting import Rest
from enhancelog.projections import waking
from enhancelog.projections.patterns import axes
from enhancelog.store import host_derivation, theme_derivation
from enhancelog.store.pattern_groups import Step, waiting
from enhancelog.store.pattern_rebuild import step

# It starts at once on what its own process committed. It takes over from another process after POLL_S without progress.
POLL_S: Final = 15.0
# After a step, so that others can take the lock; or while another process works.
PAUSE_S: Final = {Step.WORKED: 0.01, Step.BUSY: 0.5}
PAUSE_AFTER_FAULT_S: Final = 5.0

_rest: Final = Rest()  # of this thread; one for all steps, because what is decoded of themes is kept with it

_log = logging.getLogger(__name__)


def start(ends: threading.Event | None = None) -> threading.Thread:
    """Work in a daemon thread until the process or ``ends``."""
    thread = threading.Thread(target=_run, args=[ends or threading.Event()], name="pattern-worker", daemon=True)
    thread.start()
    return thread


def _run(ends: threading.Event) -> None:
    try:
        while not ends.is_set():
            waking.work_waits.clear()
            work_off(ends)
            _wait_for_work(ends)
    except WrongSchema as error:
        _log.warning("stopped grouping deny patterns: %s", error)


def work_off(ends: threading.Event) -> None:
    try:
        while (became := _step()) is not Step.DONE:
            if ends.wait(PAUSE_AFTER_FAULT_S if became is None else PAUSE_S[became]):
                return
    finally:
        connection.close()


def _step() -> Step | None:
    """``None``: failed, most likely the database; may succeed later."""
    steps = [_attempt(lambda: step(Rest())), _attempt(_derive), _attempt(_derive_themes)]
    if None in steps:
        return None
    return next((became for became in (Step.WORKED, Step.BUSY) if became in steps), Step.DONE)


def _derive() -> Step:
    return Step.WORKED if host_derivation.step(rests=True) else Step.DONE


def _derive_themes() -> Step:
    return theme_derivation.step(_rest, rests=True)


def _attempt(work: Callable[[], Step]) -> Step | None:
    try:
        return work()
    except WrongSchema:
        raise
    except StoreError as error:
        _log.warning("cannot derive deny patterns, themes or joins: %s", error)
    except Exception:  # continue; an axis that cannot be grouped stays pending
        _log.exception("cannot derive deny patterns, themes or joins")
    connection.close()
    return None


def _wait_for_work(ends: threading.Event) -> None:
    seen: list[axes.Pending] = []
    while not ends.is_set() and not waking.work_waits.wait(theme_derivation.rests_s() or POLL_S):
        seen, before = _waiting(), seen
        if (seen and seen[:1] == before[:1]) or _has_to_derive():
            return


def _waiting() -> list[axes.Pending]:
    try:
        return waiting()
    except (StoreError, OSError):
        return []
    finally:
        connection.close()


def _has_to_derive() -> bool:
    try:
        return not (host_derivation.is_done() and theme_derivation.is_done())
    except (StoreError, OSError):
        return False
    finally:
        connection.close()
