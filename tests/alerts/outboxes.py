"""Alerts and deliveries for tests, and a sender that runs until nothing is under way."""

import itertools
import threading
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User

from enhancelog.alerts.samples import SAMPLES
from enhancelog.alerts.sender import Sender
from enhancelog.domain import records
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Delivery, DeliveryAttempt
from tests.waiting import LONGEST_S

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLASw"

_number = itertools.count()


def make_alert(address: str, channel: str = "webhook", owner: User | None = None, **more: Any) -> Alert:
    fields = {
        "id": f"alert-{next(_number)}",
        "owner": owner or make_owner(),
        "name": "New patterns",
        "event": "pattern.new",
        "has_view": False,
        "options": "{}",
        "channel": channel,
        "address": address,
        "secret": SECRET,
        "former_secret": "",
        "made_ms": now_ms(),
        "log_position": 0,
        "audit_position": 0,
        "off_why": "",
        "version": 1,
    }
    return Alert.objects.create(**(fields | more))


def make_owner(name: str = "olga", *, is_staff: bool = True) -> User:
    return User.objects.get_or_create(username=name, defaults={"is_staff": is_staff})[0]


def make_delivery(alert: Alert, id: str = "", data: Any = None, **more: Any) -> Delivery:
    now = now_ms()
    fields = {
        "id": id or f"evt_{next(_number):06}",
        "event": alert.event,
        "data": records.encode_part(SAMPLES[alert.event] if data is None else data),
        "caused_ms": now,
        "made_ms": now,
        "state": "waiting",
        "attempts": 0,
        "next_ms": now,
    }
    return Delivery.objects.create(alert=alert, **(fields | more))


def make_deliveries(alert: Alert, number: int) -> list[Delivery]:
    return [make_delivery(alert) for _ in range(number)]


def run_until_idle(sender: Sender | None = None, wake: threading.Event | None = None) -> int | None:
    """Send what is due now, and record the answers. Returns when something is due again."""
    wake = wake or threading.Event()
    sender = sender or Sender(wake.set)
    next_ms = sender.step()
    while not sender.is_idle:
        assert wake.wait(LONGEST_S)
        wake.clear()
        next_ms = sender.step()
    return next_ms


def states(alert: Alert) -> list[str]:
    return list(Delivery.objects.filter(alert=alert).order_by("id").values_list("state", flat=True))


def make_due(rows: Iterable[Delivery]) -> None:
    """As if the wait before the next attempt was over."""
    Delivery.objects.filter(pk__in=[row.pk for row in rows], state="waiting").update(next_ms=now_ms())


def make_messages(alert: Alert, name: str = "evt") -> None:
    """One in each state, the first with an answer."""
    first = make_delivery(alert, f"{name}_1", attempts=2, folds=1)
    answer = "Internal Server Error " * 20
    DeliveryAttempt.objects.create(delivery=first, started_ms=now_ms(), took_ms=412, status=500, answer=answer)
    make_delivery(alert, f"{name}_2", state="folded", folded_into=first, next_ms=None)
    for number, state in enumerate(("delivered", "dead"), 3):
        make_delivery(alert, f"{name}_{number}", state=state, next_ms=None, ended_ms=now_ms())
