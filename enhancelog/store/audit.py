"""Appends to the audit, in the transaction of what it records."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Max

from enhancelog.domain import records
from enhancelog.domain.audit import AuditAct, AuditSubject
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import AuditRecord

FIRST: Final = 1


def record(act: AuditAct, origin: Origin, about: AuditSubject, about_id: str, **detail: Any) -> None:
    """Call under ``dialect().appending()``, whose lock makes positions dense and in commit order. ``detail``: JSON
    values, no secrets."""
    record_each(act, origin, about, [(about_id, detail)])


def record_each(
    act: AuditAct, origin: Origin, about: AuditSubject, records_of: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """As ``record``, of several: the id and the detail of each."""
    first, now = last_position() + FIRST, now_ms()
    AuditRecord.objects.bulk_create(
        AuditRecord(
            position=position,
            recorded_ms=now,
            actor_kind=origin.actor_kind,
            actor_name=origin.actor_name,
            act=act,
            about=about,
            about_id=about_id,
            detail=records.encode_part(detail),
        )
        for position, (about_id, detail) in enumerate(records_of, first)
    )


def last_position() -> int:
    """0 if nothing is recorded."""
    return int(AuditRecord.objects.aggregate(last=Max("position"))["last"] or 0)
