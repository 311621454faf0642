"""Deliveries of one's own alerts, or of all, the newest first."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
from django.db.models import F, OuterRef, QuerySet, Subquery

from enhancelog.backends import faults
from enhancelog.domain import cursors
from enhancelog.domain.deliveries import STATES, Delivery, DeliveryAttempt
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import is_id
from enhancelog.models import Delivery as DeliveryRow
from enhancelog.models import DeliveryAttempt as AttemptRow

FILTERS: Final = ("alert", "state", "folded_into")
MOST_COUNTED: Final = 10_000

_COLUMNS: Final = (
    *("id", "alert", "event", "state", "caused_ms", "made_ms"),
    *("folded_into", "folds", "attempts", "next_ms", "ended_ms"),
)
_cursor = msgspec.msgpack.Decoder(tuple[int, str])


class Wanted(NamedTuple):
    """Empty: any. ``owner``: a user's id; ``None``: everybody's."""

    owner: int | None
    alert: str = ""
    state: str = ""
    folded_into: str = ""


class Page(NamedTuple):
    """``next``: the cursor of the next page."""

    found: list[Delivery]
    next: str | None


def parse(parameters: Mapping[str, list[str]], owner: int | None) -> Wanted:
    """Raises ``Invalid``. An impossible id matches nothing."""
    given = {name: parameters[name][-1] for name in FILTERS if parameters.get(name)}
    if given.get("state", STATES[0]) not in STATES:
        raise Invalid("state", "choice", f"must be one of {', '.join(STATES)}, not {given['state'][:80]!r}")
    return Wanted(owner, **given)


def page(wanted: Wanted, size: int, cursor: str | None = None) -> Page:
    """Raises ``Invalid`` (cursor)."""
    rows = _selected(wanted)
    if cursor is not None:
        made_ms, delivery_id = _position(cursor)
        rows = rows.filter(made_ms__lte=made_ms).exclude(made_ms=made_ms, id__gte=delivery_id)
    found = _read(rows.order_by("-made_ms", "-id")[: size + 1])
    if len(found) <= size:
        return Page(found, None)
    last = found[size - 1]
    return Page(found[:size], cursors.written((last.made_ms, last.id)))


def known(delivery_id: str, owner: int | None) -> Delivery | None:
    if not is_id(delivery_id):
        return None
    return next(iter(_read(_selected(Wanted(owner)).filter(pk=delivery_id))), None)


def waiting() -> int:
    """New ones and those that are tried again; at most ``MOST_COUNTED`` of each."""
    rows = DeliveryRow.objects.filter(next_ms__isnull=False)
    return sum(rows.filter(folds__isnull=is_new)[:MOST_COUNTED].count() for is_new in (True, False))


def _selected(wanted: Wanted) -> "QuerySet[DeliveryRow]":
    rows = DeliveryRow.objects.all()
    if wanted.owner is not None:
        rows = rows.filter(alert__owner=wanted.owner)
    for name in FILTERS:
        if value := getattr(wanted, name):
            rows = rows.filter(**{name: value}) if is_id(value) else rows.none()
    return rows


def _read(rows: "QuerySet[DeliveryRow]") -> list[Delivery]:
    latest = AttemptRow.objects.filter(delivery=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    with faults():
        found = list(
            rows.annotate(alert_name=F("alert__name"), last_id=Subquery(latest)).values(
                *_COLUMNS, "alert_name", "last_id"
            )
        )
        attempts = _attempts(each["last_id"] for each in found)
    return [Delivery(last=attempts.get(each.pop("last_id") or 0), **each) for each in found]


def _attempts(ids: Iterable[int | None]) -> dict[int, DeliveryAttempt]:
    rows = AttemptRow.objects.filter(pk__in=[each for each in ids if each is not None])
    return {row.pk: DeliveryAttempt(row.started_ms, row.took_ms, row.status, row.answer) for row in rows}


def _position(cursor: str) -> tuple[int, str]:
    made_ms, delivery_id = cursors.read(cursor, _cursor)
    if not is_id(delivery_id) or not -(1 << 63) <= made_ms < 1 << 63:
        raise Invalid("cursor", "cursor", cursors.INVALID)
    return made_ms, delivery_id
