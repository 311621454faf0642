"""Figures of the log that are cheap enough to poll."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db.models import Sum

from enhancelog.models import AxisTotal, BlueprintSummary, Entry, UnfinishedTotal
from enhancelog.projections import source_names

MOST_NAMES: Final = 200  # the first that appeared, so that nothing later changes which they are
OTHER: Final = "other"  # the sum over all other names; a name that reads so is among them

_ROWS: Final = MOST_NAMES + 2  # the sum over all, and a name that reads ``OTHER``


class SourceTotal(NamedTuple):
    source: str
    applied: int
    rejected: int


# Both are 0 for an empty log.
class Newest(NamedTuple):
    position: int
    recorded_ms: int


class AxisCount(NamedTuple):
    """``denied``: in rejected runs."""

    axis: str
    judged: int
    denied: int


class UnfinishedCount(NamedTuple):
    source: str
    died: int


def totals() -> list[SourceTotal]:
    rows = BlueprintSummary.objects.values("source").annotate(applied=Sum("applied"), rejected=Sum("rejected"))
    names = source_names.current()
    found: dict[str, SourceTotal] = {}
    for source, applied, rejected in rows.values_list("source", "applied", "rejected"):
        name = names.shown(source)
        before = found.get(name, SourceTotal(name, 0, 0))
        found[name] = SourceTotal(name, before.applied + applied, before.rejected + rejected)
    return [found[name] for name in sorted(found)]


def newest() -> Newest:
    rows = Entry.objects.order_by("-position").values_list("position", "recorded_ms")
    return Newest(*(rows.first() or (0, 0)))


def axes() -> list[AxisCount]:
    rows = AxisTotal.objects.order_by("first_position", "axis").values_list("axis", "judged", "rejected")
    return [AxisCount(name, *amounts) for name, *amounts in _with_other(rows[:_ROWS])]


def unfinished() -> list[UnfinishedCount]:
    found = UnfinishedTotal.objects.order_by("id").values_list("source", "died")
    # A name with amounts of several sources stands where the first of them does.
    rows = source_names.current().added_up(dict(found[:_ROWS]))
    return [UnfinishedCount(name, *amounts) for name, *amounts in _with_other(list(rows.items()))]


def _with_other(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """``rows``: names with amounts; the empty name has the sums over all names."""
    found = list(rows)
    named = [row for row in found if row[0] not in ("", OTHER)][:MOST_NAMES]
    for _, *sums in (row for row in found if row[0] == ""):
        rest = [whole - sum(amounts) for whole, *amounts in zip(sums, *(row[1:] for row in named), strict=True)]
        if any(rest):
            return [*named, (OTHER, *rest)]
    return named
