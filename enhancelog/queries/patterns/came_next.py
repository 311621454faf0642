"""What came next after the denials of a pattern."""

from dataclasses import replace
from typing import Final, NamedTuple

from enhancelog.domain.axis_figures import NextAttempts
from enhancelog.domain.filters import EntryFilter
from enhancelog.queries import next_attempts
from enhancelog.queries.counts import CAP, Count
from enhancelog.queries.horizon import begun
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
    positions = reach(narrowed, up_to, ascending=False).entries.values_list("position")
    found = next_attempts.tally(written(positions[:CAP]), narrowed, up_to)
    number = sum(found.values())
    return CameNext(
        Count(number, capped=number == CAP and bool(positions[CAP : CAP + 1])),
        NextAttempts(applied=found["applied"], same=found["same"], other=found["other"], none=found["none"]),
    )
