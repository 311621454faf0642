"""An axis started or stopped, by whole UTC days."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from enhancelog.domain.intervals import FEW
from enhancelog.domain.markers import FROM_LOG, Marker, MarkerKind, derived_id
from enhancelog.domain.times import DAY_MS
from enhancelog.models import DailyAxisTally, DailyStatusTally
from enhancelog.queries.prepared import Statement, run

# Started: FEW runs or more before the first day that it judged, and it judged FEW or more. So an axis that judged from
# the log's beginning did not start, nor did one that judged only a few times.
# Stopped: it judged FEW runs or more, and most runs in the week up to its last day (or since its first); and since then
# there were FEW runs or more, on two days or more. So an axis of Blueprints that merely rest did not stop.
MOST_AXES: Final = 200  # the first by name
_WEEK: Final = 7

_AXIS: Final = DailyAxisTally._meta.db_table
_STATUS: Final = DailyStatusTally._meta.db_table

# Every row counts at least one run, so that FEW rows are enough. Only seeks and short ranges of (axis, day) and (day).
_EVIDENCE: Final = f"""
    WITH RECURSIVE named (axis, number) AS (
        SELECT (SELECT MIN(axis) FROM {_AXIS}), 1
        UNION ALL
        SELECT (SELECT MIN(t.axis) FROM {_AXIS} t WHERE t.axis > named.axis), number + 1
        FROM named WHERE named.axis IS NOT NULL AND number < {MOST_AXES}),
    lasting AS MATERIALIZED (
        SELECT axis, (SELECT MIN(t.day) FROM {_AXIS} t WHERE t.axis = named.axis AND t.day IS NOT NULL) AS first,
            (SELECT MAX(t.day) FROM {_AXIS} t WHERE t.axis = named.axis AND t.day IS NOT NULL) AS last
        FROM named WHERE axis IS NOT NULL),
    bounds AS MATERIALIZED (
        SELECT axis, first, last, CASE WHEN first > last - {_WEEK} THEN first ELSE last - {_WEEK - 1} END AS since,
            (SELECT MAX(day) FROM {_STATUS} WHERE day IS NOT NULL) AS newest
        FROM lasting WHERE first IS NOT NULL)
    SELECT axis, first, last,
        (SELECT SUM(n) FROM (SELECT t.judged AS n FROM {_AXIS} t
            WHERE t.axis = bounds.axis AND t.day IS NOT NULL LIMIT {FEW}) few),
        (SELECT SUM(n) FROM (SELECT t.runs AS n FROM {_STATUS} t WHERE t.day < bounds.first LIMIT {FEW}) few),
        CASE WHEN last + 1 < newest THEN
            (SELECT SUM(n) FROM (SELECT t.runs AS n FROM {_STATUS} t WHERE t.day > bounds.last LIMIT {FEW}) few) END,
        CASE WHEN last + 1 < newest AND
            (SELECT MIN(t.day) FROM {_STATUS} t WHERE t.day > bounds.last) < newest THEN
            (SELECT SUM(2 * t.judged) FROM {_AXIS} t
                WHERE t.axis = bounds.axis AND t.day BETWEEN bounds.since AND bounds.last) -
            (SELECT SUM(t.runs) FROM {_STATUS} t WHERE t.day BETWEEN bounds.since AND bounds.last) END
    FROM bounds"""


class _Evidence(NamedTuple):
    """Days since 1970. Counts of runs, exact below ``FEW``. ``most``: positive if it judged most runs at the end; both
    it and ``after`` ``None`` if nothing can have stopped."""

    axis: str
    first: int
    last: int
    judged: int
    before: int | None
    after: int | None
    most: int | None


def markers() -> Iterator[Marker]:
    for row in run(Statement(_EVIDENCE)):
        found = _Evidence(*row)
        if found.judged < FEW:
            continue
        if (found.before or 0) >= FEW:
            yield _marker("axis_started", found.axis, found.first)
        if (found.after or 0) >= FEW and (found.most or 0) > 0:
            yield _marker("axis_stopped", found.axis, found.last + 1)


def _marker(kind: MarkerKind, axis: str, day: int) -> Marker:
    did = "started" if kind == "axis_started" else "stopped"
    return Marker(
        id=derived_id(kind, axis, day),
        ts_ms=day * DAY_MS,
        kind=kind,
        title=f"{axis} {did}",
        note="The first day on which it judged."
        if kind == "axis_started"
        else "The day before was the last it judged.",
        axis=axis,
        source=FROM_LOG,
    )
