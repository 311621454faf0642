"""The patterns of one entry's denials."""

from collections.abc import Collection
from typing import NamedTuple

from django.db.models import F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from enhancelog.models import DenialPattern, TemplateTally
from enhancelog.queries.pattern_ids import SERVED


class Alike(NamedTuple):
    id: str
    others: int


def pattern_ids(position: int) -> dict[str, str]:
    """By axis, in one statement."""
    rows = DenialPattern.objects.filter(entry=position, template__rules=SERVED)
    return dict(rows.values_list("template__axis", "pattern__key"))


def alike(position: int, axes: Collection[str]) -> dict[str, Alike]:
    tallies = TemplateTally.objects.filter(template__pattern=OuterRef("pattern")).order_by()
    denied = tallies.annotate(group=Value(1)).values("group").annotate(n=Sum("denied")).values("n")
    rows = DenialPattern.objects.filter(entry=position, template__rules=SERVED, template__axis__in=axes)
    rows = rows.annotate(n=Coalesce(Subquery(denied), Value(1)), axis=F("template__axis"))
    return {axis: Alike(key, number - 1) for axis, key, number in rows.values_list("axis", "pattern__key", "n")}
