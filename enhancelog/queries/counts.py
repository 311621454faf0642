"""How many entries a filter describes: exact from the tallies where they can tell, else counted up to a cap."""

from collections import Counter
from typing import Any, Final, Literal, NamedTuple

from django.db.models import Count as Rows
from django.db.models import QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from enhancelog import records
from enhancelog.filters import EntryFilter
from enhancelog.models import AxisTally, StatusTally, TemplateTally
from enhancelog.queries.pattern_ids import is_pattern_id, leader
from enhancelog.queries.reach import reach
from enhancelog.queries.selection import select
from enhancelog.times import DAY_MS

CAP: Final = 10_000


class Count(NamedTuple):
    """``capped``: there are more than ``number``, or there may be."""

    number: int
    capped: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}+" if self.capped else f"{self.number:,}"


def count(wanted: EntryFilter, up_to: int) -> Count:
    """Entries up to position ``up_to``; exact when the filter is Blueprints and whole days with either statuses,
    one denied axis or one pattern, otherwise exact up to ``CAP``, as far as the newest rows reach."""
    tallied = _tallied(wanted)
    if tallied is None:
        entries, end = reach(wanted, up_to, ascending=False)
        number = entries.order_by()[: CAP + 1].count()
        return Count(min(number, CAP), capped=number > CAP or end is not None)
    total, amount = tallied
    # One statement, so that no append comes between the tallies and the rows to leave out.
    late = select(wanted).filter(key_position__gt=up_to).order_by().values(group=Value(1))
    late_rows = Coalesce(Subquery(late.annotate(n=Rows("position")).values("n")), 0)
    return Count(total.aggregate(n=Coalesce(Sum(amount), 0) - late_rows)["n"])


def tallied_by(name: Literal["axis", "blueprint_id"], wanted: EntryFilter, up_to: int) -> dict[str, Count] | None:
    """Denying axis, or Blueprint, to the entries up to position ``up_to``; ``None`` where no tally can tell."""
    tallied = _tallied(wanted)
    if tallied is None:
        return None
    tally, amount = tallied
    late = select(wanted).filter(key_position__gt=up_to).order_by()
    too_late = late.values_list("blueprint_id", Value(-1))
    if name == "axis":
        if not {"axis", "pattern"}.isdisjoint(wanted.include) or wanted.include.get("status", ()) not in (
            (),
            ("rejected",),
        ):
            return None
        tally, amount = _axes(wanted)
        too_late = late.filter(denials__isnull=False).values_list("denials__axis", Value(-1))
    found = tally.values_list(name).annotate(n=Sum(amount)).order_by()
    sums: Counter[str] = Counter()
    for value, number in found.union(too_late, all=True):  # one statement, as in ``count``
        sums[value] += number
    return {value: Count(number) for value, number in sums.items() if number}


def _tallied(wanted: EntryFilter) -> tuple[QuerySet[Any], str] | None:
    """The tally rows and the column that add up to this filter, if any do."""
    names = set(wanted.include)
    denied = [*wanted.include.get("axis", ()), *wanted.include.get("pattern", ())]
    bounds = (wanted.since_ms, wanted.until_ms)
    if wanted.exclude or not names <= {"blueprint_id", "status", "axis", "pattern"} or len(denied) > 1:
        return None
    if any(bound is not None and bound % DAY_MS for bound in bounds):
        return None
    statuses = wanted.include.get("status", ())
    if denied and statuses not in ((), ("rejected",)):
        return None
    if "axis" in names:
        tally, amount = _axes(wanted)
        return tally.filter(axis__in=records.only_ids(denied)), amount
    if "pattern" in names:
        return _of_pattern(wanted, denied[0]), _denials(wanted)
    runs = _in_scope(StatusTally.objects.all(), wanted)
    return (runs.filter(status__in=statuses) if statuses else runs), "runs"


def _axes(wanted: EntryFilter) -> tuple[QuerySet[Any], str]:
    return _in_scope(AxisTally.objects.all(), wanted), _denials(wanted)


def _of_pattern(wanted: EntryFilter, key: str) -> QuerySet[Any]:
    if not is_pattern_id(key):
        return TemplateTally.objects.none()
    return _in_scope(TemplateTally.objects.filter(template__pattern=leader(key)), wanted)


def _denials(wanted: EntryFilter) -> str:
    """The column of denials: those in rejected entries, or all."""
    return "rejected" if "status" in wanted.include else "denied"


def _in_scope(tally: QuerySet[Any], wanted: EntryFilter) -> QuerySet[Any]:
    if "blueprint_id" in wanted.include:
        tally = tally.filter(blueprint_id__in=records.only_ids(wanted.include["blueprint_id"], may_be_empty=True))
    return in_days(tally, wanted.since_ms, wanted.until_ms)


def in_days(tally: QuerySet[Any], since_ms: int | None, until_ms: int | None) -> QuerySet[Any]:
    """Tally rows of the whole days between two instants (epoch ms); without either, those without a day too."""
    if since_ms is not None:
        tally = tally.filter(day__gte=since_ms // DAY_MS)
    if until_ms is not None:
        tally = tally.filter(day__lt=until_ms // DAY_MS)
    return tally
