"""Figures of the log that are cheap enough to poll."""

from typing import NamedTuple

from django.db.models import Sum

from enhancelog.models import BlueprintSummary, Entry


class SourceTotal(NamedTuple):
    source: str
    applied: int
    rejected: int


# Both are 0 for an empty log.
class Newest(NamedTuple):
    position: int
    recorded_ms: int


def totals() -> list[SourceTotal]:
    rows = BlueprintSummary.objects.values("source").annotate(applied=Sum("applied"), rejected=Sum("rejected"))
    return [SourceTotal(*row) for row in rows.order_by("source").values_list("source", "applied", "rejected")]


def newest() -> Newest:
    rows = Entry.objects.order_by("-position").values_list("position", "recorded_ms")
    return Newest(*(rows.first() or (0, 0)))
