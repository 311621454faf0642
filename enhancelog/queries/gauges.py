"""A few numbers that say how the log stands, cheap enough to be asked for every few seconds."""

from typing import NamedTuple

from django.db.models import Sum

from enhancelog.models import BlueprintSummary, Entry


class SourceTotal(NamedTuple):
    """Entries of one source, by status."""

    source: str
    applied: int
    rejected: int


class Newest(NamedTuple):
    """The entry that was stored last; both 0 for an empty log. ``recorded_ms`` is epoch milliseconds."""

    position: int
    recorded_ms: int


def totals() -> list[SourceTotal]:
    """Exact, from the Blueprints' summaries."""
    rows = BlueprintSummary.objects.values("source").annotate(applied=Sum("applied"), rejected=Sum("rejected"))
    return [SourceTotal(*row) for row in rows.order_by("source").values_list("source", "applied", "rejected")]


def newest() -> Newest:
    rows = Entry.objects.order_by("-position").values_list("position", "recorded_ms")
    return Newest(*(rows.first() or (0, 0)))
