"""No rule fills the outbox: what happens while many of its messages wait is counted."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Sum

from enhancelog.alerts.adding import MOST_NEW
from enhancelog.models import Alert, Delivery
from tests.alerts.making import evaluate, make_rule
from tests.alerts.outboxes import run_until_idle
from tests.alerts.receivers import Receiver, receiving
from tests.factories import make_rejected
from tests.recording import record_all

pytestmark = pytest.mark.django_db

MANY = 2 * MOST_NEW + 50


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW = frozenset({("127.0.0.1", None)})
    with receiving() as server:
        yield server


def reject(number: int, name: str = "h") -> None:
    record_all(make_rejected("noop", issue_id=f"{name}-{at}") for at in range(number))


def waiting(alert: Alert) -> tuple[int, int]:
    rows = Delivery.objects.filter(alert=alert)
    return rows.count(), rows.aggregate(counted=Sum("counted", default=0))["counted"]


@pytest.mark.parametrize("most", [7, 100, 1_000])
def test_a_hundred_wait_and_the_rest_is_counted(most: int) -> None:
    alert = make_rule("entry.rejected")
    narrow = make_rule("entry.rejected", "/rejections/?axis=noop")
    none = make_rule("entry.rejected", "/rejections/?axis=tone")
    reject(MANY)
    evaluate(most)
    assert waiting(alert) == waiting(narrow) == (MOST_NEW, MANY - MOST_NEW)
    assert waiting(none) == (0, 0)


def test_fewer_are_all_messages() -> None:
    alert = make_rule("entry.rejected")
    reject(MOST_NEW)
    evaluate(30)
    assert waiting(alert) == (MOST_NEW, 0)


def test_the_message_says_how_many_more_there_were(receiver: Receiver) -> None:
    alert = make_rule("entry.rejected", url=receiver.url)
    reject(MANY)
    evaluate(60)
    run_until_idle()
    (received,) = receiver.received
    assert received.json["data"]["issue_id"] == "h-0"
    assert received.json["data"]["more"]["count"] == MANY - 1
    reject(3, "later")
    evaluate()
    Alert.objects.update(next_message_ms=0)
    run_until_idle()
    assert receiver.received[-1].json["data"]["more"]["count"] == 2
    assert waiting(alert)[0] == MOST_NEW + 3


def test_a_rule_that_was_deleted_meanwhile_takes_its_messages_along(monkeypatch: pytest.MonkeyPatch) -> None:
    alert = make_rule("entry.rejected")
    reject(3)
    monkeypatch.setattr("enhancelog.alerts.adding._locked", lambda alert_ids: [])
    evaluate()
    assert waiting(alert) == (0, 0)
