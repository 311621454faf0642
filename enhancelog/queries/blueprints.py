"""Blueprints with totals over all sources."""

from typing import Any, Final, NamedTuple

from django.db.models import F, FloatField, Max, Q, QuerySet, Sum
from django.db.models.functions import Cast

from enhancelog.domain.filters import Order
from enhancelog.models import BlueprintSummary

SORTS: Final = ("name", "runs", "rejected", "rate", "newest")


class Blueprint(NamedTuple):
    blueprint_id: str
    applied: int
    rejected: int
    newest_ms: int | None

    @property
    def runs(self) -> int:
        return self.applied + self.rejected


def blueprints(sort: str, order: Order, offset: int, size: int) -> list[Blueprint]:
    """Ties by name; those without a time last."""
    key = F({"name": "blueprint_id", "newest": "newest"}.get(sort, sort))
    by = key.asc(nulls_last=True) if order == "asc" else key.desc(nulls_last=True)
    rows = _summed().order_by(by, "blueprint_id")[offset : offset + size]
    return [Blueprint(*row) for row in rows.values_list("blueprint_id", "sum_applied", "sum_rejected", "newest")]


def how_many() -> int:
    return BlueprintSummary.objects.values("blueprint_id").distinct().count()


def _summed() -> QuerySet[Any]:
    sums = (
        BlueprintSummary.objects.order_by()
        .values("blueprint_id")
        .annotate(sum_applied=Sum("applied"), sum_rejected=Sum("rejected"), newest=Max("newest_ts_ms"))
    )
    runs = F("sum_applied") + F("sum_rejected")
    return sums.filter(Q(sum_applied__gt=0) | Q(sum_rejected__gt=0)).annotate(
        runs=runs, rate=Cast("sum_rejected", FloatField()) / runs
    )
