"""The outbox: which deliveries are due, leases on them, and what became of them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from enhancelog.alerts.posting import Answer
from enhancelog.backends import faults
from enhancelog.domain.redactions import REDACTED
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Delivery, DeliveryAttempt

# A delivery is *new* until its first lease, which also decides what it takes along; from then on its body never
# changes. ``folds`` tells the two apart. A test, and what a person sends again, begin as their own message (``folds``
# is 0): no limit, snooze or switch holds these up.

LEASE_MS: Final = 30_000  # several times what a request may take
BETWEEN_MESSAGES_MS: Final = 60_000  # of one alert
MOST_FOLDED: Final = 1_000  # by one message, so that its transaction is short
# Before each further attempt; 24 hours in all.
WAITS_S: Final = (5, 30, 120, 600, 1_800, 3_600, 7_200, *(14_400,) * 5, 1_045)
_LONGEST_WAIT_MS: Final = 1_000 * max(WAITS_S)


class Due(NamedTuple):
    # ``at_ms``: when the alert's next delivery can be leased. ``is_failing``: its receiver failed last time.
    alert_id: str
    at_ms: int
    is_failing: bool


class Leased(NamedTuple):
    # Read before the request; no other process sends anything of this alert meanwhile.
    delivery: Delivery
    alert: Alert


def due() -> list[Due]:
    # Of each alert with something to send, the soonest first. An alert costs a few index seeks, however much waits.
    now = now_ms()
    columns = ("id", "failing_since_ms", "off_ms", "snoozed_until_ms", "next_message_ms", "new", "begun", "leased")
    rows = Alert.objects.annotate(
        new=Subquery(_first(_new(OuterRef("pk")), "next_ms")),
        begun=Subquery(_first(_begun(OuterRef("pk")), "next_ms")),
        leased=Subquery(_leased(OuterRef("pk")).order_by("-leased_until_ms").values("leased_until_ms")[:1]),
    )
    with faults():
        found = [each for row in rows.values_list(*columns) for each in _due(now, *row)]
    return sorted(found, key=lambda each: each.at_ms)


def lease(alert_id: str) -> Leased | None:
    """What is due of it first; ``None`` if that has changed since. The first lease folds what else waits."""
    now = now_ms()
    with faults(), transaction.atomic():
        # The row's lock lets one process at a time decide, and still lets others add deliveries.
        alert = Alert.objects.select_for_update(no_key=True).filter(pk=alert_id).first()
        if alert is None or _is_leased(alert_id, now):
            return None
        delivery = next((each for each in _begun(alert_id)[:1] if _when(each.next_ms, now) <= now), None)
        if delivery is None:
            if alert.off_ms is not None or _opens_ms(alert.snoozed_until_ms, alert.next_message_ms, now) > now:
                return None
            delivery = _new(alert_id).first()
            if delivery is None or _when(delivery.next_ms, now) > now:
                return None
            delivery.folds = _fold_into(delivery)
            Alert.objects.filter(pk=alert_id).update(next_message_ms=now + BETWEEN_MESSAGES_MS)
        delivery.attempts += 1
        delivery.leased_until_ms = delivery.next_ms = now + LEASE_MS  # a killed sender's delivery is due then
        delivery.save(update_fields=["folds", "attempts", "leased_until_ms", "next_ms"])
    return Leased(delivery, alert)


def finish(leased: Leased, answer: Answer, started_ms: int, took_ms: int) -> str:
    """Record the attempt. Returns the delivery's state."""
    mine = Delivery.objects.filter(pk=leased.delivery.pk)
    with faults(), transaction.atomic():
        alert = Alert.objects.select_for_update(no_key=True).filter(pk=leased.alert.pk).first()
        # Locked, so that a redaction sees either the answer or none at all.
        data = mine.select_for_update(no_key=True).values_list("data", flat=True).first()
        if alert is None or data is None:
            return "deleted"
        # A receiver may answer with what it was sent, and texts of that may have been redacted since.
        is_same = data == leased.delivery.data
        DeliveryAttempt.objects.create(
            delivery_id=leased.delivery.pk,
            started_ms=started_ms,
            took_ms=took_ms,
            status=answer.status,
            answer=answer.text if is_same or not answer.text else REDACTED,
        )
        if answer.is_success:
            mine.filter(state="waiting").update(**_ended("delivered"))
            Alert.objects.filter(pk=alert.pk).exclude(failing_since_ms=None).update(failing_since_ms=None)
            return "delivered"
        Alert.objects.filter(pk=alert.pk, failing_since_ms=None).update(failing_since_ms=now_ms())
        # If the lease ran out, somebody else has it, and decides.
        same = {"attempts": leased.delivery.attempts, "leased_until_ms": leased.delivery.leased_until_ms}
        wait_s = None if alert.off_ms is not None else wait_after(leased.delivery.attempts)
        change = _ended("dead") if wait_s is None else {"leased_until_ms": None, "next_ms": now_ms() + 1_000 * wait_s}
        mine.filter(**same).update(**change)
        return "dead" if wait_s is None else "waiting"


def wait_after(attempts: int) -> int | None:
    # Seconds until the next one; ``None``: it was the last.
    return WAITS_S[attempts - 1] if attempts <= len(WAITS_S) else None


def drop_switched_off(most: int = 500) -> bool:
    # What is new, or waits for a further attempt, of an alert that is off becomes dead, so that switching it on starts
    # afresh. What a person asked for has had no attempt yet. Returns whether there may be more.
    off = Alert.objects.exclude(off_ms=None)
    for rows in (_new, _failed):
        with faults():
            alert_id = off.filter(Exists(rows(OuterRef("pk")))).values_list("pk", flat=True).first()
            if alert_id is None:
                continue
            ids = list(rows(alert_id).values_list("pk", flat=True)[:most])
            unsent = Delivery.objects.filter(pk__in=ids, alert__in=off, state="waiting", leased_until_ms=None)
            unsent.update(**_ended("dead"))
            return True
    return False


def _ended(state: str) -> dict[str, str | int | None]:
    return {"state": state, "next_ms": None, "leased_until_ms": None, "ended_ms": now_ms()}


def _due(
    now: int,
    alert_id: str,
    failing_since_ms: int | None,
    off_ms: int | None,
    snoozed_until_ms: int | None,
    next_message_ms: int,
    new: int | None,
    begun: int | None,
    leased: int | None,
) -> Iterator[Due]:
    moments = [_when(begun, now)] if begun is not None else []
    if new is not None and off_ms is None:
        moments.append(max(_when(new, now), _opens_ms(snoozed_until_ms, next_message_ms, now)))
    if moments:
        at_ms = max(min(moments), 0 if leased is None else _within(leased, LEASE_MS, now))
        yield Due(alert_id, at_ms, failing_since_ms is not None)


def _opens_ms(snoozed_until_ms: int | None, next_message_ms: int, now: int) -> int:
    return max(snoozed_until_ms or 0, _within(next_message_ms, BETWEEN_MESSAGES_MS, now))


def _when(next_ms: int | None, now: int) -> int:
    return _within(next_ms or 0, _LONGEST_WAIT_MS, now)


def _within(ms: int, longest_ms: int, now: int) -> int:
    # What lies further ahead than it can was written before the clock jumped back.
    return ms if ms <= now + longest_ms else now


def _new(alert_id: str | OuterRef) -> "QuerySet[Delivery]":
    return Delivery.objects.filter(alert=alert_id, next_ms__isnull=False, folds=None).order_by("next_ms", "id")


def _begun(alert_id: str | OuterRef) -> "QuerySet[Delivery]":
    rows = Delivery.objects.filter(alert=alert_id, next_ms__isnull=False, folds__isnull=False)
    return rows.order_by("next_ms", "id")


def _failed(alert_id: str | OuterRef) -> "QuerySet[Delivery]":
    return _begun(alert_id).filter(attempts__gt=0, leased_until_ms=None)


def _leased(alert_id: str | OuterRef) -> "QuerySet[Delivery]":
    return Delivery.objects.filter(alert=alert_id, leased_until_ms__isnull=False)


def _first(rows: "QuerySet[Delivery]", column: str) -> "QuerySet[Delivery, int | str]":
    return rows.values_list(column, flat=True)[:1]


def _is_leased(alert_id: str, now: int) -> bool:
    return _leased(alert_id).filter(leased_until_ms__gt=now, leased_until_ms__lte=now + LEASE_MS).exists()


def _fold_into(first: Delivery) -> int:
    rows = dict(_new(first.alert_id).exclude(pk=first.pk).values_list("pk", "counted")[:MOST_FOLDED])
    Delivery.objects.filter(pk__in=list(rows)).update(state="folded", folded_into=first, next_ms=None)
    return len(rows) + sum(rows.values()) + first.counted
