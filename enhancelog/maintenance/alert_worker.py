"""A thread per server process that evaluates alerts and sends their messages; one process at a time does it."""

import logging
import os
import secrets
import socket
import threading
import time
from typing import Final

from django.db import connection

from enhancelog.alerts import evaluator, holding, retention
from enhancelog.alerts.mention_mails import MentionMails
from enhancelog.alerts.sender import Sender
from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.domain.times import HOUR_MS, now_ms
from enhancelog.projections import waking

# Appends of this process wake it; those of others, and commands, are seen after POLL_S.
POLL_S: Final = 2.0
# Between two rounds, so that many appends share one; and so many times as long as the last one took, so that appends
# go on beside it.
PAUSE_S: Final = 0.2
RESTS: Final = 9
LONGEST_REST_S: Final = 5.0
PAUSE_AFTER_FAULT_S: Final = 5.0

_log = logging.getLogger(__name__)


def start(ends: threading.Event | None = None) -> threading.Thread:
    """Work in a daemon thread until the process or ``ends``."""
    thread = threading.Thread(target=_run, args=[ends or threading.Event()], name="alert-worker", daemon=True)
    thread.start()
    return thread


class Worker:
    def __init__(self) -> None:
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._sender = Sender(waking.alerts_wait.set)
        self._mention_mails = MentionMails(waking.alerts_wait.set)
        self._forget_at_ms = 0

    def round(self) -> float:
        # Returns how long to wait for the next one, in seconds, unless woken.
        if not holding.take(self._holder):
            return POLL_S
        try:
            has_more = evaluator.step()
        except WrongSchema:
            raise
        except Exception:
            self._send()  # what is in the outbox already does not wait for what a rule breaks
            raise
        next_ms = self._send()
        self._forget()
        if has_more:
            return 0.0
        return POLL_S if next_ms is None else min(max((next_ms - now_ms()) / 1_000, 0.0), POLL_S)

    def end(self) -> None:
        holding.release(self._holder)

    def _send(self) -> int | None:
        next_ms = self._sender.step()
        self._mention_mails.step()
        return next_ms

    def _forget(self) -> None:
        if now_ms() >= self._forget_at_ms or self._forget_at_ms > now_ms() + HOUR_MS:
            self._forget_at_ms = 0 if retention.forget_old() else now_ms() + HOUR_MS


def _run(ends: threading.Event) -> None:
    worker = Worker()
    try:
        while not ends.is_set():
            waking.alerts_wait.clear()
            began = time.monotonic()
            wait_s = _attempt(worker, ends)
            connection.close()  # the last one to be closed takes along what SQLite keeps beside the database
            if not ends.wait(min(max(PAUSE_S, RESTS * (time.monotonic() - began)), LONGEST_REST_S)):
                waking.alerts_wait.wait(wait_s)
        worker.end()
    except WrongSchema as error:
        _log.warning("stopped sending alerts: %s", error)
    finally:
        connection.close()


def _attempt(worker: Worker, ends: threading.Event) -> float:
    try:
        return worker.round()
    except WrongSchema:
        raise
    except StoreError as error:
        _log.warning("cannot evaluate or send alerts: %s", error)
    except Exception:  # continue; it may succeed later
        _log.exception("cannot evaluate or send alerts")
    ends.wait(PAUSE_AFTER_FAULT_S)
    return 0.0
