"""One row for every Blueprint and source: how many runs ended how, and the newest plausible time."""

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.models import BlueprintSummary, Entry
from enhancelog.projections.stored import Stored
from enhancelog.times import DAY_MS, is_plausible

TABLES = (BlueprintSummary,)
SUMMARY = BlueprintSummary._meta.db_table

ADD = f"""
    INSERT INTO {SUMMARY} AS summary (blueprint_id, source, applied, rejected, newest_ts_ms)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (blueprint_id, source) DO UPDATE SET
        applied = summary.applied + excluded.applied, rejected = summary.rejected + excluded.rejected,
        newest_ts_ms = CASE WHEN summary.newest_ts_ms IS NULL OR excluded.newest_ts_ms > summary.newest_ts_ms
                            THEN excluded.newest_ts_ms ELSE summary.newest_ts_ms END"""
NEWEST_WITHOUT = f"""
    UPDATE {SUMMARY} SET newest_ts_ms = (
        SELECT MAX(entry.ts_ms) FROM {Entry._meta.db_table} AS entry
        WHERE entry.blueprint_id = {SUMMARY}.blueprint_id AND entry.source = {SUMMARY}.source
          AND entry.ts_ms >= 0 AND entry.ts_ms <= entry.recorded_ms + {DAY_MS} AND entry.position NOT IN ({{places}}))
    WHERE blueprint_id = %s AND source = %s"""


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    sums: dict[tuple[str, str], list[int]] = {}
    newest: dict[tuple[str, str], int] = {}
    for _, recorded_ms, source, entry in entries:
        key = (entry.blueprint_id, source)
        sums.setdefault(key, [0, 0])[entry.status == "rejected"] += 1
        if is_plausible(entry.ts_ms, recorded_ms):
            newest[key] = max(newest.get(key, 0), entry.ts_ms)
    cursor.executemany(ADD, [(*key, *counts, newest.get(key)) for key, counts in sorted(sums.items())])


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    positions = [stored.position for stored in entries]
    newest_without = NEWEST_WITHOUT.format(places=", ".join(["%s"] * len(positions)))
    for _, _, source, entry in entries:
        rejected = entry.status == "rejected"
        cursor.execute(ADD, [entry.blueprint_id, source, -int(not rejected), -int(rejected), None])
        cursor.execute(newest_without, [*positions, entry.blueprint_id, source])
    cursor.execute(f"DELETE FROM {SUMMARY} WHERE applied = 0 AND rejected = 0")
