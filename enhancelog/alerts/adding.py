"""Adds messages to the outbox."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from django.db.models import Count, F, QuerySet

from enhancelog.models import Alert, Delivery

# A rule sends one message a minute, which takes along what waits. So no more rejected entries of a rule wait for their
# first sending; further ones are counted in the last of them.
MOST_NEW: Final = 100
_ROWS_AT_ONCE: Final = 100


class Told(NamedTuple):
    # What a rule tells. ``is_one_of_many``: the message is made only if there is room for it.
    alert_id: str
    make: Callable[[], Delivery]
    is_one_of_many: bool = False


def ready(message: Delivery) -> Told:
    return Told(str(message.alert_id), lambda: message)


def with_room(alert_ids: Sequence[str]) -> int:
    """How many of these can get messages about rejected entries."""
    waiting = _waiting(alert_ids) if alert_ids else {}
    return sum(waiting.get(alert_id, 0) < MOST_NEW for alert_id in alert_ids)


def add(found: Iterable[Told]) -> None:
    """In the order given; call in a transaction. What is there already, or of a rule that was deleted, is left out."""
    by_alert: defaultdict[str, list[Told]] = defaultdict(list)
    for each in found:
        by_alert[each.alert_id].append(each)
    if not by_alert:
        return
    kept = _locked(by_alert)
    waiting = _waiting(kept)
    rows: list[Delivery] = []
    for alert_id in kept:
        told = by_alert[alert_id]
        room = max(0, MOST_NEW - waiting.get(alert_id, 0)) if told[0].is_one_of_many else len(told)
        made = _in_order([each.make() for each in told[:room]])
        _count(alert_id, made, len(told) - len(made))
        rows += made
    Delivery.objects.bulk_create(rows, _ROWS_AT_ONCE, ignore_conflicts=True)


def _locked(alert_ids: Iterable[str]) -> list[str]:
    # The sender locks these rows, too, before it folds what waits.
    rows = Alert.objects.select_for_update(no_key=True).filter(pk__in=list(alert_ids)).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _in_order(messages: list[Delivery]) -> list[Delivery]:
    # They are sent in the order of ``next_ms``, and the first takes the others along: a millisecond each.
    for behind, message in enumerate(reversed(messages)):
        message.next_ms = message.made_ms - behind
    return messages


def _waiting(alert_ids: Sequence[str]) -> Mapping[str, int]:
    return dict(_new(alert_ids).order_by().values("alert").annotate(n=Count("pk")).values_list("alert", "n"))


def _count(alert_id: str, made: Sequence[Delivery], further: int) -> None:
    if made:
        made[-1].counted = further
    elif further:
        last = _new([alert_id]).last()
        Delivery.objects.filter(pk=last.pk if last else "").update(counted=F("counted") + further)


def _new(alert_ids: Sequence[str]) -> "QuerySet[Delivery]":
    return Delivery.objects.filter(alert__in=alert_ids, next_ms__isnull=False, folds=None).order_by("next_ms", "id")
