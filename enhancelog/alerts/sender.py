"""Sends what is due: one message of an alert at a time, and only so many at once."""

import logging
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple

from enhancelog.alerts import addresses, mail, outbox, posting, slack, switching_off, telling_owners, webhooks
from enhancelog.alerts.outbox import Leased
from enhancelog.alerts.outgoing import outgoing
from enhancelog.alerts.posting import Answer
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import now_ms
from enhancelog.observing import metrics

AT_ONCE: Final = 16
# Receivers that failed last time get half of the places, so that those that stall do not hold up the others.
FAILING_AT_ONCE: Final = 8

_log = logging.getLogger(__name__)


class Sent(NamedTuple):
    leased: Leased
    answer: Answer
    started_ms: int
    took_ms: int


class Sender:
    # One thread calls ``step``; it alone uses the database. Requests have their own threads, which end with the
    # process; ``wake`` is called when one has its answer.
    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._under_way: dict[str, bool] = {}  # alerts, and whether their receivers were failing
        self._sent: SimpleQueue[Sent] = SimpleQueue()

    @property
    def is_idle(self) -> bool:
        return not self._under_way

    def step(self) -> int | None:
        """Record what has its answer, and start what is due. Returns when to step again, epoch ms; ``None``: nothing
        waits for a time."""
        self._record()
        while outbox.drop_switched_off():
            pass
        due = outbox.due()
        for alert_id, at_ms, is_failing in due:
            if at_ms <= now_ms() and alert_id not in self._under_way and self._has_room(is_failing):
                self._start(alert_id, is_failing)
        later = [each.at_ms for each in due if each.alert_id not in self._under_way and each.at_ms > now_ms()]
        return min(later, default=None)

    def _has_room(self, is_failing: bool) -> bool:
        if is_failing and sum(self._under_way.values()) >= FAILING_AT_ONCE:
            return False
        return len(self._under_way) < AT_ONCE

    def _start(self, alert_id: str, is_failing: bool) -> None:
        leased = outbox.lease(alert_id)
        if leased is None:
            return
        if why := switching_off.why_not(leased.alert):
            self._finish(Sent(leased, Answer(None, f"not sent: {why}"), now_ms(), 0))
            telling_owners.switch_off(leased.alert, why)
            return
        self._under_way[alert_id] = is_failing
        Thread(target=self._send, args=[leased], name="alert-message", daemon=True).start()

    def _send(self, leased: Leased) -> None:
        started_ms, began = now_ms(), time.monotonic()
        try:
            answer = send(leased)
        except Exception:
            _log.exception("cannot send the message of an alert")
            answer = Answer(None, "the message could not be written; the server's log says why")
        self._sent.put(Sent(leased, answer, started_ms, round(1_000 * (time.monotonic() - began))))
        self._wake()

    def _record(self) -> None:
        while True:
            try:
                sent = self._sent.get_nowait()
            except Empty:
                return
            # If the database fails here, the lease runs out and the message is sent once more.
            del self._under_way[sent.leased.alert.pk]
            self._finish(sent)

    def _finish(self, sent: Sent) -> None:
        state = outbox.finish(*sent)
        if state != "deleted":
            metrics.delivery_attempted("failed" if state == "waiting" else state)
        if state != "delivered" and switching_off.fails_for_too_long(sent.leased.alert.pk):
            telling_owners.switch_off(sent.leased.alert, "its receiver has failed for 3 days")


def send(leased: Leased) -> Answer:
    alert = leased.alert
    if alert.channel == "email":
        return mail.send_message(alert.address, outgoing(leased), leased.delivery.pk)
    try:
        receiver = addresses.receiver(alert.address)
    except Invalid as broken:  # the setting that allowed it was changed
        return Answer(None, f"the address {broken.detail}")
    if alert.channel == "slack":
        return posting.post(receiver, webhooks.plain_headers(), slack.body_of(outgoing(leased)))
    body = webhooks.body_of(leased)
    return posting.post(receiver, webhooks.headers_of(leased, body), body)
