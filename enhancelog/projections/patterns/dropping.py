from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect
from enhancelog.domain.times import tally_day
from enhancelog.projections.patterns import axes
from enhancelog.projections.patterns.adding import DENIAL, TALLY, TEMPLATE, TallyKey, count, derive_anew
from enhancelog.projections.stored import Stored

Row = tuple[Any, ...]


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    """Drop what these entries added, under any rules."""
    positions = [stored.position for stored in entries]
    amounts = counted(cursor, entries)
    count(cursor, {tally: (-denied, -rejected) for tally, (denied, rejected) in amounts.items()})
    cursor.execute(f"DELETE FROM {TALLY} WHERE denied = 0")
    cursor.execute(f"DELETE FROM {DENIAL} WHERE position IN ({marks(positions)})", positions)
    _forget(cursor, {template_id for *_, template_id in amounts}, set(positions))


def counted(cursor: CursorWrapper, entries: Sequence[Stored]) -> dict[TallyKey, tuple[int, int]]:
    """What the stored denials of these entries add to the tallies."""
    days = {stored.position: tally_day(stored.entry.ts_ms, stored.recorded_ms) for stored in entries}
    is_one, parameter = dialect().one_of("position", list(days))
    cursor.execute(f"SELECT position, template_id, blueprint_id, rejected FROM {DENIAL} WHERE {is_one}", [parameter])
    amounts: defaultdict[TallyKey, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for position, template_id, blueprint_id, rejected in cursor.fetchall():
        tally = (days[position], blueprint_id, template_id)
        denied, of_rejected = amounts[tally]
        amounts[tally] = denied + 1, of_rejected + int(rejected)
    return amounts


def marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _forget(cursor: CursorWrapper, template_ids: Collection[int], positions: Collection[int]) -> None:
    if not template_ids:
        return
    cursor.execute(
        f"SELECT axis, other, id, pattern_id, home_id, first_position FROM {TEMPLATE}"
        f" WHERE rules = %s AND id IN ({marks(list(template_ids))})",
        [patterns.RULES_VERSION, *template_ids],
    )
    by_axis: defaultdict[str, list[Row]] = defaultdict(list)
    for axis, *rest, first_position in cursor.fetchall():
        if first_position in positions:
            by_axis[axis].append(tuple(rest))
    states = axes.states(cursor, by_axis)
    for axis, lost in sorted(by_axis.items()):
        named = states[axis].named if axis in states else 0
        if any(not other for other, *_ in lost) and named >= patterns.MOST_TEMPLATES:
            derive_anew(cursor, axis)  # one of the "other" may now be below the limit
        else:
            for _, template_id, *ranges in lost:
                if not _find_first(cursor, template_id, ranges):
                    _follow_another(cursor, axis, template_id)
            axes.change(cursor, axis)


# Whether it still has a denial; if not, it is deleted.
def _find_first(cursor: CursorWrapper, template_id: int, ranges: Sequence[int]) -> bool:
    cursor.execute(
        f"SELECT MIN(position) FROM {DENIAL} WHERE pattern_id IN (%s, %s) AND template_id = %s", [*ranges, template_id]
    )
    (first,) = cursor.fetchone()
    if first is None:
        cursor.execute(f"DELETE FROM {TEMPLATE} WHERE id = %s", [template_id])
    else:
        cursor.execute(f"UPDATE {TEMPLATE} SET first_position = %s WHERE id = %s", [first, template_id])
    return first is not None


# Of the templates that it led. They are grouped anew after the commit, and their rows moved then.
def _follow_another(cursor: CursorWrapper, axis: str, leader_id: int) -> None:
    led = "rules = %s AND axis = %s AND pattern_id = %s"
    of_leader: list[int | str] = [patterns.RULES_VERSION, axis, leader_id]
    cursor.execute(f"SELECT id FROM {TEMPLATE} WHERE {led} ORDER BY first_position LIMIT 1", of_leader)
    if (another := cursor.fetchone()) is not None:
        cursor.execute(f"UPDATE {TEMPLATE} SET pattern_id = %s WHERE {led}", [another[0], *of_leader])
