"""Runs by status and the newest plausible time, per Blueprint and source, as recorded."""

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.times import is_plausible, plausible_sql
from enhancelog.models import BlueprintSummary, Entry
from enhancelog.projections.expected import Expected, Row, Sums
from enhancelog.projections.stored import Stored

TABLES = (BlueprintSummary,)
SUMMARY = BlueprintSummary._meta.db_table

COLUMNS = ("blueprint_id", "source", "applied", "rejected", "newest_ts_ms")
ADD = """
    ON CONFLICT (blueprint_id, source) DO UPDATE SET
        applied = summary.applied + excluded.applied, rejected = summary.rejected + excluded.rejected,
        newest_ts_ms = CASE WHEN summary.newest_ts_ms IS NULL OR excluded.newest_ts_ms > summary.newest_ts_ms
                            THEN excluded.newest_ts_ms ELSE summary.newest_ts_ms END"""
NEWEST_WITHOUT = f"""
    UPDATE {SUMMARY} SET newest_ts_ms = (
        SELECT MAX(entry.ts_ms) FROM {Entry._meta.db_table} AS entry
        WHERE entry.blueprint_id = {SUMMARY}.blueprint_id AND entry.source = {SUMMARY}.source
          AND {plausible_sql("entry.ts_ms", "entry.recorded_ms")} AND entry.position NOT IN ({{places}}))
    WHERE blueprint_id = %s AND source = %s"""


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    _add(cursor, [(*key, *amounts) for key, amounts in sorted(sums(entries).items())])


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    positions = [stored.position for stored in entries]
    newest_without = NEWEST_WITHOUT.format(places=", ".join(["%s"] * len(positions)))
    for key, (applied, rejected, _) in sorted(sums(entries).items()):
        _add(cursor, [(*key, -applied, -rejected, None)])
        cursor.execute(newest_without, [*positions, *key])
    cursor.execute(f"DELETE FROM {SUMMARY} WHERE applied = 0 AND rejected = 0")


def expected() -> list[Expected]:
    return [
        Sums(BlueprintSummary, ("blueprint_id", "source"), ("applied", "rejected", "newest_ts_ms"), sums, merge=_merged)
    ]


def sums(entries: Sequence[Stored]) -> dict[Row, Row]:
    """(Blueprint, source) to (applied, rejected, newest plausible time)."""
    found: dict[Row, Row] = {}
    for _, recorded_ms, origin, entry, *_ in entries:
        key = (entry.blueprint_id, origin.source)
        applied = entry.status == "applied"
        newest = entry.ts_ms if is_plausible(entry.ts_ms, recorded_ms) else None
        amounts = (int(applied), int(not applied), newest)
        found[key] = _merged(found[key], amounts) if key in found else amounts
    return found


def _add(cursor: CursorWrapper, rows: Sequence[Row]) -> None:
    dialect().insert_rows(cursor, f"{SUMMARY} AS summary", COLUMNS, rows, ADD)


def _merged(one: Row, other: Row) -> Row:
    newest = max((ts_ms for ts_ms in (one[2], other[2]) if ts_ms is not None), default=None)
    return one[0] + other[0], one[1] + other[1], newest
