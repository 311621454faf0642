"""Messages reach real receivers, once for each event, and no receiver can hurt the sender."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from enhancelog.alerts import outbox, posting
from enhancelog.alerts.sender import Sender
from enhancelog.alerts.sending_again import send_again
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import Alert, AuditRecord, Delivery, DeliveryAttempt
from tests.alerts.outboxes import (
    SECRET,
    make_alert,
    make_deliveries,
    make_delivery,
    make_due,
    make_owner,
    run_until_idle,
    states,
)
from tests.alerts.receivers import (
    Receiver,
    answering,
    dripping,
    dripping_body,
    flooding,
    receiving,
    stalling,
)

pytestmark = pytest.mark.django_db

QUICK_S = 1.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "TOTAL_S", QUICK_S)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW = frozenset({("127.0.0.1", None)})
    with receiving() as server:
        yield server


def attempt() -> DeliveryAttempt:
    return DeliveryAttempt.objects.get()


def test_message_is_signed_as_standard_webhooks_are_and_marked_delivered(receiver: Receiver) -> None:
    alert = make_alert(receiver.url)
    delivery = make_delivery(alert, data={"pattern": "8e1f", "said": "<b>ü"})
    run_until_idle()
    (received,) = receiver.received
    verified = Webhook(SECRET).verify(received.body, received.headers)
    assert set(verified) == {"type", "timestamp", "data"}
    assert verified["type"] == "pattern.new"
    assert verified["data"] == {"pattern": "8e1f", "said": "<b>ü"}
    assert received.headers["webhook-id"] == delivery.pk
    assert received.path == "/hook?for=us"
    assert states(alert) == ["delivered"]
    assert (attempt().status, attempt().answer) == (200, "ok")


def test_both_secrets_sign_while_they_overlap(receiver: Receiver) -> None:
    former = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    alert = make_alert(receiver.url, former_secret=former, former_until_ms=now_ms() + 60_000)
    make_delivery(alert)
    run_until_idle()
    (received,) = receiver.received
    for secret in (SECRET, former):
        Webhook(secret).verify(received.body, received.headers)
    Alert.objects.update(former_until_ms=now_ms() - 1, next_message_ms=0)
    make_delivery(alert)
    run_until_idle()
    assert len(receiver.received[-1].headers["webhook-signature"].split()) == 1


@pytest.mark.parametrize(
    ("behave", "status", "said"),
    [
        (answering(500, b"we are\0 broken"), 500, "we are  broken"),
        (answering(302, b"elsewhere", Location="/other"), 302, "elsewhere"),
        (answering(404, "nicht da: \u2026".encode()), 404, "nicht da: \u2026"),
        (answering(200, b"x" * (64 << 10)), 200, "x" * posting.KEPT_CHARACTERS),
        (answering(200, b"x" * ((64 << 10) + 1)), None, "status 200, but the answer is longer than 64 kB"),
        (stalling, None, "no complete answer within 1 s"),
        (dripping, None, "no complete answer within 1 s"),
        (dripping_body, None, "status 200, but no complete answer within 1 s"),
        (flooding, None, "status 200, but the answer is longer than 64 kB"),
    ],
)
def test_what_a_receiver_answers_is_recorded(receiver: Receiver, behave: Any, status: int | None, said: str) -> None:
    receiver.behave = behave
    alert = make_alert(receiver.url)
    make_delivery(alert)
    run_until_idle()
    assert (attempt().status, attempt().answer) == (status, said)
    assert states(alert) == ["delivered" if status == 200 else "waiting"]
    assert len(receiver.received) == 1  # a redirect is not followed, a gigabyte not read
    assert attempt().took_ms < 5_000


def test_nobody_who_listens_is_a_failure_too(receiver: Receiver) -> None:
    make_delivery(make_alert(receiver.url))
    receiver.shutdown()
    receiver.server_close()
    run_until_idle()
    assert attempt().status is None
    assert "refused" in attempt().answer


def test_each_attempt_has_the_same_id_and_body_until_after_a_day_it_is_dead(receiver: Receiver) -> None:
    receiver.behave = answering(500)
    alert = make_alert(receiver.url)
    delivery = make_delivery(alert)
    waits = []
    while states(alert) == ["waiting"]:
        make_due([delivery])
        began = now_ms()
        run_until_idle()
        delivery.refresh_from_db()
        waits.append(delivery.next_ms - began if delivery.next_ms else None)
    assert states(alert) == ["dead"]
    assert waits[-1] is None
    assert sum(outbox.WAITS_S) == 24 * 3600
    assert [round(wait / 1000) for wait in waits[:-1] if wait] == [
        pytest.approx(each, abs=2) for each in outbox.WAITS_S
    ]
    assert len({(each.headers["webhook-id"], each.body) for each in receiver.received}) == 1
    assert len(receiver.received) == DeliveryAttempt.objects.count() == len(outbox.WAITS_S) + 1


def test_one_message_a_minute_takes_along_what_waits(receiver: Receiver) -> None:
    alert = make_alert(receiver.url)
    first, *others = make_deliveries(alert, 15)
    again_ms = run_until_idle()
    (received,) = receiver.received
    assert received.headers["webhook-id"] == first.pk
    assert received.json["data"]["more"]["count"] == 14
    assert received.json["data"]["more"]["url"].endswith(f"/alerts/deliveries/?folded_into={first.pk}")
    assert states(alert) == ["delivered", *["folded"] * 14]
    assert set(first.folded.values_list("pk", flat=True)) == {each.pk for each in others}
    assert again_ms is None

    late = make_deliveries(alert, 2)
    again_ms = run_until_idle()
    assert len(receiver.received) == 1
    assert again_ms is not None
    assert 0 < again_ms - now_ms() <= 60_000
    Alert.objects.update(next_message_ms=now_ms())
    run_until_idle()
    assert [each.headers["webhook-id"] for each in receiver.received] == [first.pk, late[0].pk]


def test_what_waits_longer_than_a_message_can_take_along_is_in_the_next(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_FOLDED", 3)
    alert = make_alert(receiver.url)
    make_deliveries(alert, 6)
    run_until_idle()
    Alert.objects.update(next_message_ms=0)
    run_until_idle()
    assert [each.json["data"]["more"]["count"] for each in receiver.received] == [3, 1]


def test_snoozed_alert_sends_what_waited_as_one_message_afterwards(receiver: Receiver) -> None:
    alert = make_alert(receiver.url, snoozed_until_ms=now_ms() + DAY_MS)
    make_deliveries(alert, 3)
    assert run_until_idle() == alert.snoozed_until_ms
    assert receiver.received == []
    Alert.objects.update(snoozed_until_ms=now_ms())
    run_until_idle()
    assert receiver.received[0].json["data"]["more"]["count"] == 2


def test_alert_that_is_off_sends_nothing_and_starts_afresh(receiver: Receiver) -> None:
    alert = make_alert(receiver.url, off_ms=now_ms(), off_why="switched off")
    make_deliveries(alert, 3)
    run_until_idle()
    assert states(alert) == ["dead"] * 3
    assert receiver.received == []


def test_message_that_waits_for_another_attempt_is_dropped_when_its_alert_is_switched_off(receiver: Receiver) -> None:
    receiver.behave = answering(500)
    alert = make_alert(receiver.url)
    delivery = make_delivery(alert)
    run_until_idle()
    Alert.objects.update(off_ms=now_ms())
    make_due([delivery])
    run_until_idle()
    assert states(alert) == ["dead"]
    assert len(receiver.received) == 1


def test_message_sent_again_for_an_alert_that_is_off_has_one_attempt(receiver: Receiver) -> None:
    receiver.behave = answering(500)
    alert = make_alert(receiver.url, off_ms=now_ms(), off_why="switched off")
    delivery = make_delivery(alert, state="dead", next_ms=None, ended_ms=now_ms(), attempts=14, folds=0)
    send_again(delivery.pk, Origin("user", "olga", "page"))
    run_until_idle()
    assert states(alert) == ["dead"]
    assert len(receiver.received) == 1


def test_test_message_is_sent_although_the_alert_is_off_and_others_wait(receiver: Receiver) -> None:
    alert = make_alert(receiver.url, snoozed_until_ms=now_ms() + DAY_MS, next_message_ms=now_ms() + 50_000)
    make_deliveries(alert, 2)
    test = make_delivery(alert, folds=0)
    run_until_idle()
    assert [each.headers["webhook-id"] for each in receiver.received] == [test.pk]


def test_receiver_that_fails_for_three_days_is_switched_off(receiver: Receiver) -> None:
    receiver.behave = answering(500)
    alert = make_alert(receiver.url, failing_since_ms=now_ms() - 3 * DAY_MS)
    delivery = make_delivery(alert)
    for number in range(10):
        alert.refresh_from_db()
        assert alert.off_ms is None, number
        make_due([delivery])
        run_until_idle()
    alert.refresh_from_db()
    assert alert.off_ms is not None
    assert alert.off_why == "its receiver has failed for 3 days"
    (record,) = AuditRecord.objects.filter(about="alert")
    assert (record.act, record.about_id, record.actor_kind) == ("alert.off", alert.pk, "server")


def test_success_ends_the_days_of_failure(receiver: Receiver) -> None:
    alert = make_alert(receiver.url, failing_since_ms=now_ms() - 10 * DAY_MS)
    make_delivery(alert)
    run_until_idle()
    alert.refresh_from_db()
    assert alert.failing_since_ms is None


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_owner_who_lost_the_right_is_sent_nothing_more(receiver: Receiver, change: dict[str, bool]) -> None:
    owner = make_owner()
    alert = make_alert(receiver.url, owner=owner)
    make_delivery(alert)
    type(owner).objects.filter(pk=owner.pk).update(**change)
    run_until_idle()
    alert.refresh_from_db()
    assert receiver.received == []
    assert alert.off_why.startswith("its owner")
    assert "not sent" in attempt().answer


def test_receivers_that_stall_do_not_hold_up_the_others(receiver: Receiver) -> None:
    with receiving(stalling) as dead:
        for _ in range(20):
            make_delivery(make_alert(dead.url, failing_since_ms=now_ms()))
        alive = [make_alert(receiver.url) for _ in range(4)]
        for alert in alive:
            make_delivery(alert)
        wake = threading.Event()
        sender = Sender(wake.set)
        sender.step()
        deadline = time.monotonic() + 30
        while len(receiver.received) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(receiver.received) == 4
        assert len(dead.received) <= 8
        run_until_idle(sender, wake)


def test_ten_thousand_that_wait_for_one_alert_do_not_hold_up_another(receiver: Receiver) -> None:
    full = make_alert(receiver.url, snoozed_until_ms=now_ms() + DAY_MS)
    now = now_ms()
    Delivery.objects.bulk_create(
        Delivery(
            id=f"evt_{number:05}",
            alert=full,
            event="pattern.new",
            data="{}",
            caused_ms=now,
            made_ms=now,
            state="waiting",
            attempts=0,
            next_ms=now,
        )
        for number in range(10_000)
    )
    other = make_alert(receiver.url)
    make_delivery(other)
    run_until_idle()
    assert states(other) == ["delivered"]


def test_clock_that_jumped_back_makes_nothing_wait_for_years(receiver: Receiver) -> None:
    years = now_ms() + 1_000 * DAY_MS
    alert = make_alert(receiver.url, next_message_ms=years)
    make_delivery(alert, next_ms=years)
    make_delivery(alert, next_ms=years, leased_until_ms=years, attempts=1, folds=0)
    run_until_idle()
    assert states(alert) == ["delivered"] * 2
