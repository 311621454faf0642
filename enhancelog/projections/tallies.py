"""Counts per UTC day: runs by status, judgements and what came next by axis, joint denials by set of axes."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from enhancelog.backends import dialect
from enhancelog.domain import records
from enhancelog.domain.times import DAY_MS, tally_day
from enhancelog.models import (
    NO_DAY,
    AxisTally,
    DailyAxisTally,
    DailyJointTally,
    DailyStatusTally,
    JointTally,
    StatusTally,
)
from enhancelog.projections import next_attempts
from enhancelog.projections.expected import Expected, Row, Sums
from enhancelog.projections.next_attempts import LAST, Change
from enhancelog.projections.stored import Stored

# Zero counts have no row. A joint row has a set of axes rather than a pair, so that a run adds to one row however
# many axes denied it; a pair's count is the sum over the sets that contain both.
TABLES = (StatusTally, AxisTally, JointTally, DailyStatusTally, DailyAxisTally, DailyJointTally)

JUDGED = ("judged", "denied", "rejected", "alone")
NEXT = ("next_applied", "next_same", "next_other")
_NOTHING_JUDGED = (0,) * len(JUDGED)
_NOTHING_NEXT = (0,) * len(NEXT)


class _Tally(NamedTuple):
    """``key``: what a row counts, beside day and Blueprint; ``said``: what follows from the key. ``daily``: the table
    over all Blueprints."""

    table: type[Model]
    daily: type[Model]
    key: str
    amounts: tuple[str, ...]
    said: tuple[str, ...] = ()

    def add(self, cursor: CursorWrapper, sums: Mapping[Row, Row]) -> None:
        self._add(cursor, self.table, ("day", "blueprint_id", self.key), sums)
        self._add(cursor, self.daily, ("day", self.key), over_blueprints(sums))

    def expected(self, sums: Callable[[Sequence[Stored]], dict[Row, Row]]) -> list[Expected]:
        once = _once(sums)
        keys = self.key, *self.said
        following = len(self.said)
        return [
            Sums(self.table, ("day", "blueprint_id", *keys), self.amounts, once, following=following),
            Sums(
                self.daily,
                ("day", *keys),
                self.amounts,
                lambda entries: over_blueprints(once(entries)),
                following=following,
            ),
        ]

    def sweep(self, cursor: CursorWrapper) -> None:
        for table in (self.table, self.daily):
            cursor.execute(f"DELETE FROM {table._meta.db_table} WHERE {self.amounts[0]} = 0")

    def _add(self, cursor: CursorWrapper, table: type[Model], keys: tuple[str, ...], sums: Mapping[Row, Row]) -> None:
        unique = ", ".join([f"COALESCE(day, {NO_DAY})", *keys[1:]])
        added = ", ".join(f"{name} = tally.{name} + excluded.{name}" for name in self.amounts)
        columns = (*keys, *self.said, *self.amounts)
        add(cursor, table._meta.db_table, columns, sums, f"ON CONFLICT ({unique}) DO UPDATE SET {added}")


_RUNS: Final = _Tally(StatusTally, DailyStatusTally, "status", ("runs",))
_JUDGEMENTS: Final = _Tally(AxisTally, DailyAxisTally, "axis", (*JUDGED, *NEXT))
_JOINT: Final = _Tally(JointTally, DailyJointTally, "digest", ("runs",), ("axes",))


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    _RUNS.add(cursor, runs(entries))
    _JUDGEMENTS.add(cursor, _of_axes(cursor, entries))
    _JOINT.add(cursor, joint(entries))


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    _RUNS.add(cursor, negative(runs(entries)))
    _JUDGEMENTS.add(cursor, negative(_of_axes(cursor, entries)))
    _JOINT.add(cursor, negative(joint(entries)))
    for tally in (_RUNS, _JUDGEMENTS, _JOINT):
        tally.sweep(cursor)


def expected() -> list[Expected]:
    return [*_RUNS.expected(runs), *_JUDGEMENTS.expected(_expected_of_axes), *_JOINT.expected(joint)]


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


def _of_axes(cursor: CursorWrapper, entries: Sequence[Stored], up_to: int = LAST) -> dict[Row, Row]:
    changes = next_attempts.changes(cursor, [stored.position for stored in entries], up_to)
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
def _expected_of_axes(entries: Sequence[Stored]) -> dict[Row, Row]:
    with connection.cursor() as cursor:
        return _of_axes(cursor, entries, max((stored.position for stored in entries), default=0))


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


# Two tables need the sums of the same entries, one after the other.
def _once(sums: Callable[[Sequence[Stored]], dict[Row, Row]]) -> Callable[[Sequence[Stored]], dict[Row, Row]]:
    of: Sequence[Stored] = ()
    found: dict[Row, Row] = {}

    def remembered(entries: Sequence[Stored]) -> dict[Row, Row]:
        nonlocal of, found
        if entries is not of:
            of, found = entries, sums(entries)
        return found

    return remembered


def over_blueprints(sums: Mapping[Row, Row]) -> dict[Row, Row]:
    """By the same keys without the Blueprint, which is the second part."""
    found: dict[Row, Row] = {}
    for (day, _, *rest), amounts in sums.items():
        key = (day, *rest)
        found[key] = tuple(map(int.__add__, found[key], amounts)) if key in found else amounts
    return {key: amounts for key, amounts in found.items() if any(amounts)}


def negative(sums: Mapping[Row, Row]) -> dict[Row, Row]:
    return {key: tuple(-amount for amount in amounts) for key, amounts in sums.items()}


def add(cursor: CursorWrapper, table: str, columns: Sequence[str], sums: Mapping[Row, Row], on_conflict: str) -> None:
    # In key order, so that two writers cannot deadlock, and neighbors in an index are written one after the other.
    undated, dated = ([key for key in sums if (key[0] is None) == is_none] for is_none in (True, False))
    rows = [key + sums[key] for key in (*sorted(undated), *sorted(dated))]
    if rows:
        dialect().insert_rows(cursor, f"{table} AS tally", columns, rows, on_conflict)
