"""Counts per UTC day: runs by status, judgements and what came next by axis, joint denials by set of axes."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from enhancelog.backends import dialect
from enhancelog.domain import records
from enhancelog.domain.times import DAY_MS, tally_day
from enhancelog.models import NO_DAY, AxisTally, JointTally, StatusTally
from enhancelog.projections import next_attempts
from enhancelog.projections.expected import Expected, Row, Sums
from enhancelog.projections.next_attempts import Change
from enhancelog.projections.stored import Stored

# Zero counts have no row. A joint row has a set of axes rather than a pair, so that a run adds to one row however
# many axes denied it; a pair's count is the sum over the sets that contain both.
TABLES = (StatusTally, AxisTally, JointTally)
STATUS = StatusTally._meta.db_table
AXIS = AxisTally._meta.db_table
JOINT = JointTally._meta.db_table

RUNS = ("day", "blueprint_id", "status", "runs")
ADD_RUNS = (
    f"ON CONFLICT (COALESCE(day, {NO_DAY}), blueprint_id, status) DO UPDATE SET runs = tally.runs + excluded.runs"
)
JUDGED = ("judged", "denied", "rejected", "alone")
NEXT = ("next_applied", "next_same", "next_other")
_NOTHING_JUDGED = (0,) * len(JUDGED)
_NOTHING_NEXT = (0,) * len(NEXT)
JUDGEMENTS = ("day", "blueprint_id", "axis", *JUDGED, *NEXT)
ADD_JUDGEMENTS = f"""
    ON CONFLICT (COALESCE(day, {NO_DAY}), blueprint_id, axis) DO UPDATE SET
        {", ".join(f"{name} = tally.{name} + excluded.{name}" for name in (*JUDGED, *NEXT))}"""
JOINT_DENIALS = ("day", "blueprint_id", "digest", "axes", "runs")
ADD_JOINT = (
    f"ON CONFLICT (COALESCE(day, {NO_DAY}), blueprint_id, digest) DO UPDATE SET runs = tally.runs + excluded.runs"
)


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    add(cursor, STATUS, RUNS, runs(entries), ADD_RUNS)
    add(cursor, AXIS, JUDGEMENTS, _of_axes(cursor, entries), ADD_JUDGEMENTS)
    add(cursor, JOINT, JOINT_DENIALS, joint(entries), ADD_JOINT)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    add(cursor, STATUS, RUNS, negative(runs(entries)), ADD_RUNS)
    add(cursor, AXIS, JUDGEMENTS, negative(_of_axes(cursor, entries)), ADD_JUDGEMENTS)
    add(cursor, JOINT, JOINT_DENIALS, negative(joint(entries)), ADD_JOINT)
    cursor.execute(f"DELETE FROM {STATUS} WHERE runs = 0")
    cursor.execute(f"DELETE FROM {AXIS} WHERE judged = 0")
    cursor.execute(f"DELETE FROM {JOINT} WHERE runs = 0")


def expected() -> list[Expected]:
    return [
        Sums(StatusTally, ("day", "blueprint_id", "status"), ("runs",), runs),
        Sums(AxisTally, ("day", "blueprint_id", "axis"), JUDGED, judgements),
        Sums(AxisTally, ("day", "blueprint_id", "axis"), NEXT, _expected_next, present=_followed()),
        Sums(JointTally, ("day", "blueprint_id", "digest", "axes"), ("runs",), joint),
    ]


def runs(entries: Sequence[Stored]) -> dict[Row, Row]:
    """(day, Blueprint, status) to (runs,)."""
    counts = Counter(
        (tally_day(stored.entry.ts_ms, stored.recorded_ms), stored.entry.blueprint_id, stored.entry.status)
        for stored in entries
    )
    return {key: (count,) for key, count in counts.items()}


def judgements(entries: Sequence[Stored]) -> dict[Row, Row]:
    """(day, Blueprint, axis) to (judged, denied, denied in a rejected entry, denied there by no other axis)."""
    alike = Counter(  # most entries of a batch have the same verdicts
        (tally_day(entry.ts_ms, recorded_ms), entry.blueprint_id, records.judged_axes(entry), (*denied,), entry.status)
        for _, recorded_ms, _, entry, denied, *_ in entries
    )
    counts: dict[Row, Row] = {}
    for (day, blueprint_id, axes, denying, status), runs in alike.items():
        rejected = runs if status == "rejected" else 0
        denied = runs, runs, rejected, rejected if len(denying) == 1 else 0
        passed = runs, 0, 0, 0
        some = set(denying)
        for axis in axes:
            key, added = (day, blueprint_id, axis), denied if axis in some else passed
            counts[key] = tuple(map(int.__add__, counts[key], added)) if key in counts else added
    return counts


def _of_axes(cursor: CursorWrapper, entries: Sequence[Stored]) -> dict[Row, Row]:
    changes = next_attempts.changes(cursor, [stored.position for stored in entries])
    now, followed = judgements(entries), _next(changes)
    found = {key: amounts + _NOTHING_NEXT for key, amounts in now.items()}
    return found | {key: now.get(key, _NOTHING_JUDGED) + amounts for key, amounts in followed.items()}


def _next(changes: Iterable[Change]) -> dict[Row, Row]:
    counts: dict[Row, list[int]] = {}
    for change in changes:
        amounts = counts.setdefault((change.ts_ms // DAY_MS, change.blueprint_id, change.axis), [*_NOTHING_NEXT])
        for outcome, number in ((change.before, -1), (change.after, 1)):
            if outcome is not None:
                amounts[NEXT.index(f"next_{outcome}")] += number
    return {key: tuple(amounts) for key, amounts in counts.items() if any(amounts)}


# As if the entries had just come, because others come while the log is verified.
def _expected_next(entries: Sequence[Stored]) -> dict[Row, Row]:
    positions = [stored.position for stored in entries]
    with connection.cursor() as cursor:
        return _next(next_attempts.changes(cursor, positions, max(positions, default=0)))


def _followed() -> QuerySet[AxisTally]:
    return AxisTally.objects.exclude(next_applied=0, next_same=0, next_other=0)


def joint(entries: Sequence[Stored]) -> dict[Row, Row]:
    """(day, Blueprint, digest of the axes, axes) to (runs that exactly these axes denied,)."""
    counts: Counter[tuple[int | None, str, str]] = Counter()
    for _, recorded_ms, _, entry, denied, *_ in entries:
        if len(denied) > 1 and entry.status == "rejected":
            day = tally_day(entry.ts_ms, recorded_ms)
            counts[day, entry.blueprint_id, records.encode_part(sorted(denied))] += 1
    return {
        (day, blueprint_id, hashlib.sha256(axes.encode()).hexdigest(), axes): (count,)
        for (day, blueprint_id, axes), count in counts.items()
    }


def negative(sums: Mapping[Row, Row]) -> dict[Row, Row]:
    return {key: tuple(-amount for amount in amounts) for key, amounts in sums.items()}


def add(cursor: CursorWrapper, table: str, columns: Sequence[str], sums: Mapping[Row, Row], on_conflict: str) -> None:
    # In key order, so that two writers cannot deadlock, and neighbors in an index are written one after the other.
    undated, dated = ([key for key in sums if (key[0] is None) == is_none] for is_none in (True, False))
    rows = [key + sums[key] for key in (*sorted(undated), *sorted(dated))]
    if rows:
        dialect().insert_rows(cursor, f"{table} AS tally", columns, rows, on_conflict)
