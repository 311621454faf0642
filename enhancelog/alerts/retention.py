"""Deletes deliveries: those that ended long ago, in short transactions, and those of an alert that is deleted."""

from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_delete

from enhancelog.backends import faults
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import Alert, Delivery, DeliveryAttempt

KEPT_MS: Final = 30 * DAY_MS
AT_ONCE: Final = 500  # rows


def connect() -> None:
    pre_delete.connect(_forget_all, sender=Alert)


def forget_old() -> bool:
    # Returns whether there may be more. What was folded goes with the message that took it along.
    before = now_ms() - KEPT_MS
    with faults(), transaction.atomic():
        old = Delivery.objects.filter(made_ms__lt=before, ended_ms__lt=before, folded_into=None)
        ids = list(old.order_by("made_ms", "id").values_list("pk", flat=True)[:AT_ONCE])
        folded = Delivery.objects.filter(folded_into__in=ids).values_list("pk", flat=True)
        if taken := list(folded[:AT_ONCE]):
            _delete(taken)
        else:
            _delete(ids)
    return bool(ids)


def _forget_all(instance: Alert, **kwargs: Any) -> None:
    # Whoever deletes the alert: a person, or the deletion of its owner.
    list(Alert.objects.select_for_update().filter(pk=instance.pk).values_list("pk"))  # nobody adds any now
    _delete(Delivery.objects.filter(alert=instance.pk).values("pk"))


def _delete(ids: "list[str] | QuerySet[Delivery, Any]") -> None:
    # In SQL alone: Django would read all rows first.
    attempts, rows = DeliveryAttempt.objects.filter(delivery__in=ids), Delivery.objects.filter(pk__in=ids)
    attempts._raw_delete(attempts.db)
    rows._raw_delete(rows.db)
