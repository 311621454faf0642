"""Rows of the outbox."""

import hashlib
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.alerts.watched import Watched
from enhancelog.domain import records
from enhancelog.domain.alert_events import MOST_CHARACTERS, AboutAlert, Event
from enhancelog.domain.alerts import Options
from enhancelog.domain.text import cut
from enhancelog.models import Alert, Delivery

_ID_DIGITS: Final = 32
_TEST_MS: Final = 60_000  # a rule sends no more than one test message in this time


class Rule(NamedTuple):
    """An alert that is on."""

    alert: Alert
    options: Options
    watched: Watched


def message_id(alert: Alert, *cause: object) -> str:
    """The same for the same cause; ``alert``, because each rule has its own message."""
    text = "\0".join(map(str, (alert.pk, alert.made_ms, *cause)))
    return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]}"


def test_message(alert: Alert, data: Event, now_ms: int) -> Delivery:
    return waiting(alert, data, now_ms, now_ms, *_test_cause(now_ms))


def is_test(delivery: Delivery, alert: Alert) -> bool:
    return str(delivery.pk) == message_id(alert, *_test_cause(delivery.made_ms))


def _test_cause(made_ms: int) -> tuple[str, int]:
    return "test", made_ms // _TEST_MS


def waiting(alert: Alert, data: Event, caused_ms: int, now_ms: int, *cause: object) -> Delivery:
    """A message to be sent at once. ``caused_ms``: its time stamp."""
    return Delivery(
        id=message_id(alert, *cause),
        alert=alert,
        event=alert.event,
        data=records.encode_part(data),
        caused_ms=caused_ms,
        made_ms=now_ms,
        state="waiting",
        attempts=0,
        next_ms=now_ms,
    )


def about(alert: Alert) -> AboutAlert:
    return AboutAlert(id=str(alert.pk), name=str(alert.name), url=links.absolute(links.alert(str(alert.pk))))


def short(text: str) -> str:
    return cut(text, MOST_CHARACTERS)
