"""The thread that evaluates and sends: in one process at a time, and soon after an append."""

import threading
from typing import Any

import pytest

from enhancelog.alerts import evaluator, holding, retention
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.maintenance import alert_worker
from enhancelog.maintenance.alert_worker import Worker
from enhancelog.models import AlertProgress, Delivery, DeliveryAttempt
from enhancelog.projections import waking
from tests.alerts.outboxes import make_alert, make_deliveries, make_delivery, states
from tests.alerts.receivers import receiving
from tests.factories import make_entry
from tests.recording import record
from tests.waiting import wait_for


@pytest.mark.django_db(transaction=True)
def test_thread_sends_what_is_due_and_takes_over(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_ALLOW = frozenset({("127.0.0.1", None)})
    monkeypatch.setattr(alert_worker, "POLL_S", 0.05)
    monkeypatch.setattr(alert_worker, "PAUSE_S", 0.01)
    AlertProgress.objects.create(
        id=1, log_position=0, audit_position=0, time_ms=0, holder="killed", held_until_ms=now_ms() + 300
    )
    ends = threading.Event()
    with receiving() as receiver:
        alert = make_alert(receiver.url)
        make_delivery(alert)
        thread = alert_worker.start(ends)
        wait_for(lambda: states(alert) == ["delivered"])
        ends.set()
        thread.join()
    assert len(receiver.received) == 1
    assert holding.take("the next one")


@pytest.mark.django_db
def test_process_that_does_not_hold_neither_evaluates_nor_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    holding.take("another")
    monkeypatch.setattr(evaluator, "step", lambda: pytest.fail("evaluated"))
    make_delivery(make_alert("https://hooks.example.org/"))
    assert Worker().round() == alert_worker.POLL_S
    assert not Delivery.objects.exclude(attempts=0).exists()


@pytest.mark.django_db
def test_evaluator_with_more_to_do_does_not_keep_the_sender_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    def step() -> bool:
        steps.append(1)
        return True

    monkeypatch.setattr(evaluator, "step", step)
    alert = make_alert("https://hooks.example.org/", off_ms=1, off_why="switched off")
    make_delivery(alert)
    assert Worker().round() == 0.0
    assert len(steps) == 1
    assert states(alert) == ["dead"]


@pytest.mark.django_db
def test_what_waits_is_sent_although_the_evaluator_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "step", lambda: 1 // 0)
    alert = make_alert("https://hooks.example.org/", off_ms=1, off_why="switched off")
    make_delivery(alert)
    with pytest.raises(ZeroDivisionError):
        Worker().round()
    assert states(alert) == ["dead"]


@pytest.mark.django_db(transaction=True)
def test_append_wakes_the_thread() -> None:
    waking.alerts_wait.clear()
    record(make_entry())
    assert waking.alerts_wait.is_set()


@pytest.mark.django_db
def test_what_ended_thirty_days_ago_is_deleted_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    old = now_ms() - 30 * DAY_MS - 1
    alert = make_alert("https://hooks.example.org/")
    ended: dict[str, Any] = {"state": "delivered", "next_ms": None, "ended_ms": old, "made_ms": old}
    first = make_delivery(alert, **ended)
    DeliveryAttempt.objects.create(delivery=first, started_ms=old, took_ms=1, status=200, answer="ok")
    for _ in range(7):
        make_delivery(alert, state="folded", folded_into=first, next_ms=None)
    make_delivery(alert, **ended)
    kept = [
        make_delivery(alert, made_ms=old),  # an alert that was snoozed for long
        make_delivery(alert, **(ended | {"ended_ms": now_ms()})),
        *make_deliveries(alert, 1),
    ]
    rounds = 0
    while retention.forget_old():
        rounds += 1
    assert rounds == 4
    assert set(Delivery.objects.values_list("id", flat=True)) == {each.pk for each in kept}
    assert not DeliveryAttempt.objects.exists()
