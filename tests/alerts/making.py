"""Rules for tests, and what the evaluator makes of them."""

import json
from typing import Any

from django.contrib.auth.models import User

from enhancelog.alerts import evaluator, rules
from enhancelog.alerts.rules import Actor
from enhancelog.alerts.shown import send_test
from enhancelog.domain.alerts import NewAlert
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Delivery, SavedView
from tests.alerts.outboxes import make_alert

HOOK = "https://1.1.1.1/hook"  # needs no look-up


def staff(name: str = "ada") -> Actor:
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    return Actor(user, True, Origin("user", name, "page"))


def reader(name: str = "bob") -> Actor:
    user, _ = User.objects.get_or_create(username=name)
    return Actor(user, False, Origin("user", name, "page"))


def make_rule(event: Any, view: str = "", actor: Actor | None = None, **changes: Any) -> Alert:
    """``view``: the address of a list."""
    actor = actor or staff()
    if view:
        number = SavedView.objects.count()
        changes["view"] = SavedView.objects.create(user=actor.user, name=f"view {number}", url=view).pk
    given = {"name": event, "channel": "webhook", "url": HOOK} | changes
    return rules.make(NewAlert(event=event, **given), actor).alert


def evaluate(most: int = evaluator.POSITIONS_AT_ONCE, now: int | None = None, steps: int = 1_000) -> None:
    for _ in range(steps):
        if not evaluator.step(now_ms() if now is None else now, most):
            return
    raise AssertionError("the evaluator does not come to an end")


def told(alert: Alert | None = None) -> list[dict[str, Any]]:
    """The data of the messages, in order of what caused them."""
    rows = Delivery.objects.filter(alert=alert) if alert else Delivery.objects.all()
    return [json.loads(row.data) for row in rows.order_by("caused_ms", "id")]


def keep_rule(owner: User, alert_id: str = "0" * 16, **changes: Any) -> Alert:
    """A rule with a known id, with a test message; as pages show it."""
    given = {
        "id": alert_id,
        "address": HOOK,
        "name": "a rule",
        "event": "rate.high",
        "options": '{"runs":100,"percent":60,"twice":false}',
        "former_secret": "whsec_BBBB",
    }
    alert = make_alert(owner=owner, **given | changes)
    if alert.off_ms is None:
        send_test(alert)
    return alert
