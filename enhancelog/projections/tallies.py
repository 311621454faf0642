"""Counts per UTC day and Blueprint: runs by status, and judged and denied by axis. A count of nothing has no row."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog import records
from enhancelog.models import NO_DAY, AxisTally, StatusTally
from enhancelog.projections.stored import Stored
from enhancelog.times import tally_day

TABLES = (StatusTally, AxisTally)
STATUS = StatusTally._meta.db_table
AXIS = AxisTally._meta.db_table

ADD_RUNS = f"""
    INSERT INTO {STATUS} AS tally (day, blueprint_id, status, runs) VALUES (%s, %s, %s, %s)
    ON CONFLICT (COALESCE(day, {NO_DAY}), blueprint_id, status) DO UPDATE SET runs = tally.runs + excluded.runs"""
ADD_JUDGEMENTS = f"""
    INSERT INTO {AXIS} AS tally (day, blueprint_id, axis, judged, denied, rejected) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (COALESCE(day, {NO_DAY}), blueprint_id, axis) DO UPDATE SET judged = tally.judged + excluded.judged,
        denied = tally.denied + excluded.denied, rejected = tally.rejected + excluded.rejected"""

Key = tuple[int, str, str]


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    _add(cursor, entries, sign=1)


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    _add(cursor, entries, sign=-1)
    cursor.execute(f"DELETE FROM {STATUS} WHERE runs = 0")
    cursor.execute(f"DELETE FROM {AXIS} WHERE judged = 0")


def _add(cursor: CursorWrapper, entries: Sequence[Stored], sign: int) -> None:
    runs: Counter[Key] = Counter()
    judgements: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    for _, recorded_ms, _, entry in entries:
        day = tally_day(entry.ts_ms, recorded_ms)
        at = NO_DAY if day is None else day
        runs[at, entry.blueprint_id, entry.status] += sign
        denied = records.denials(entry)
        for axis in records.judged_axes(entry):
            counts = judgements[at, entry.blueprint_id, axis]
            counts[0] += sign
            counts[1] += sign * (axis in denied)
            counts[2] += sign * (axis in denied and entry.status == "rejected")
    # In key order, so that two writers never wait for each other's rows crosswise.
    cursor.executemany(ADD_RUNS, [(_day(key), *key[1:], count) for key, count in sorted(runs.items())])
    if judgements:
        cursor.executemany(
            ADD_JUDGEMENTS, [(_day(key), *key[1:], *counts) for key, counts in sorted(judgements.items())]
        )


def _day(key: Key) -> int | None:
    return None if key[0] == NO_DAY else key[0]
