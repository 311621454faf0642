"""What came next after the denials of a pattern."""

from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet

from enhancelog.domain.axis_figures import NextAttempts
from enhancelog.domain.filters import EntryFilter
from enhancelog.models import DenialPattern
from enhancelog.queries import next_attempts
from enhancelog.queries.counts import CAP, Count
from enhancelog.queries.horizon import begun
from enhancelog.queries.pattern_ids import denied_by
from enhancelog.queries.prepared import written
from enhancelog.queries.reach import reach

_NOTHING: Final = NextAttempts(applied=0, same=0, other=0, none=0)


class CameNext(NamedTuple):
    """Of the newest ``CAP`` denials in rejected runs."""

    denials: Count
    outcomes: NextAttempts


def came_next(pattern_id: str, wanted: EntryFilter) -> CameNext:
    if "rejected" not in wanted.include.get("status", ("rejected",)):
        return CameNext(Count(0), _NOTHING)
    include = {**wanted.include, "pattern": (pattern_id,), "status": ("rejected",)}
    narrowed, up_to = begun(replace(wanted, include=include))
    positions = _of_all(pattern_id, up_to) if _asks_for_all(wanted) else _matching(narrowed, up_to)
    found = next_attempts.tally(written(positions[:CAP]), narrowed, up_to)
    number = sum(found.values())
    return CameNext(
        Count(number, capped=number == CAP and bool(positions[CAP : CAP + 1])),
        NextAttempts(applied=found["applied"], same=found["same"], other=found["other"], none=found["none"]),
    )


def _asks_for_all(wanted: EntryFilter) -> bool:
    return not (wanted.include or wanted.exclude or wanted.since_ms is not None or wanted.until_ms is not None)


# The rows of denials are enough here. Looking up the entry of each, as a list does, takes as long as what came next.
def _of_all(pattern_id: str, up_to: int) -> QuerySet[Any, Any]:
    denials = DenialPattern.objects.filter(denied_by(pattern_id), rejected=True, entry_id__lte=up_to)
    return denials.order_by("-ts_ms", "-entry_id").values_list("entry_id")


def _matching(wanted: EntryFilter, up_to: int) -> QuerySet[Any, Any]:
    return reach(wanted, up_to, ascending=False).entries.values_list("position")
