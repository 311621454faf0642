"""Takes redacted texts out of the outbox: of messages that wait, and of those that are kept for a while."""

import json
from collections.abc import Iterator
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from enhancelog.alerts import holding
from enhancelog.alerts.messages import short
from enhancelog.domain import records, redactions
from enhancelog.models import Delivery, DeliveryAttempt
from enhancelog.store.redacting import Taken

_AT_ONCE: Final = 500  # rows


def tables() -> list[str]:
    return [table._meta.db_table for table in (Delivery, DeliveryAttempt)]


def forget(cursor: CursorWrapper, taken: Taken) -> None:
    """A message has a text as ``short`` leaves it, so whole values are compared."""
    holding.progress()
    holding.locked()
    gone = {short(text) for text in (*taken.texts, *taken.wordings, *taken.of_hosts)} - {""}
    written = [json.dumps(text)[1:-1] for text in gone] + [records.encode_part(text)[1:-1] for text in gone]
    for delivery in _holding(written):
        delivery.data = records.encode_part(_without(json.loads(delivery.data), gone))
        delivery.save(update_fields=["data"])
        # A receiver may have answered with what it was sent.
        DeliveryAttempt.objects.filter(delivery=delivery).exclude(answer="").update(answer=redactions.REDACTED)


def _holding(written: list[str]) -> Iterator[Delivery]:
    for delivery in Delivery.objects.only("id", "data").iterator(_AT_ONCE):
        if any(text in delivery.data for text in written):
            yield delivery


def _without(value: Any, gone: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, gone) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, gone) for each in value]
    return redactions.REDACTED if isinstance(value, str) and value in gone else value
