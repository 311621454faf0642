"""Progress of grouping, a row per axis, written under the append lock."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect
from enhancelog.models import PatternAxis, PatternRules, Template
from enhancelog.projections import waking

# A row becomes pending with a second template or a manual change. It stays pending until the templates are grouped
# and the rows of their denials moved.
AXIS: Final = PatternAxis._meta.db_table
_TEMPLATE: Final = Template._meta.db_table
_RULES: Final = PatternRules._meta.db_table

_COLUMNS: Final = ("rules", "axis", "named", "newest", "pending", "version")
# A single template cannot be grouped: its row has no ``pending``, and ``newest`` takes its place.
_FROM: Final = "COALESCE(excluded.pending, excluded.newest)"
_ADD: Final = f"""
    ON CONFLICT (rules, axis) DO UPDATE SET
        named = known.named + excluded.named,
        newest = CASE WHEN excluded.newest > known.newest THEN excluded.newest ELSE known.newest END,
        pending = CASE WHEN known.named = 0 THEN excluded.pending
                       WHEN known.pending < {_FROM} THEN known.pending ELSE {_FROM} END,
        version = known.version + CASE WHEN {_FROM} < known.newest THEN 1 ELSE 0 END"""
_NAMED: Final = f"FROM {_TEMPLATE} WHERE rules = %s AND axis = %s AND NOT other"

# Beyond every position.
EVERYWHERE: Final = 2**63 - 1

_MOST_AXES: Final = 100
_MOST_TEMPLATES: Final = 500


class AxisState(NamedTuple):
    """Number of distinguished templates, and their greatest first position."""

    named: int = 0
    newest: int = 0


class Pending(NamedTuple):
    axis: str
    since: int
    version: int


def states(cursor: CursorWrapper, axes: Collection[str]) -> dict[str, AxisState]:
    if not axes:
        return {}
    condition, parameter = dialect().one_of("axis", sorted(axes))
    cursor.execute(
        f"SELECT axis, named, newest FROM {AXIS} WHERE rules = %s AND {condition}", [patterns.RULES_VERSION, parameter]
    )
    return {axis: AxisState(*row) for axis, *row in cursor.fetchall()}


def learn(cursor: CursorWrapper, first_positions: Mapping[str, Sequence[int]]) -> None:
    """Add new distinguished templates by their first positions."""
    rows = [
        (
            patterns.RULES_VERSION,
            axis,
            len(positions),
            max(positions),
            min(positions) if len(positions) > 1 else None,
            0,
        )
        for axis, positions in sorted(first_positions.items())
    ]
    dialect().insert_rows(cursor, f"{AXIS} AS known", _COLUMNS, rows, _ADD)
    transaction.on_commit(waking.work_waits.set)


def begin(cursor: CursorWrapper, axis: str) -> None:
    """Its row, unless there is one."""
    dialect().insert_rows(
        cursor, AXIS, _COLUMNS, [(patterns.RULES_VERSION, axis, 0, 0, None, 0)], "ON CONFLICT DO NOTHING"
    )


def change(cursor: CursorWrapper, axis: str) -> None:
    """The inputs of the axis's groups changed, other than by templates appended at the end."""
    of_axis: list[int | str] = [patterns.RULES_VERSION, axis]
    cursor.execute(
        f"UPDATE {AXIS} SET named = (SELECT COUNT(*) {_NAMED}),"
        f" newest = (SELECT COALESCE(MAX(first_position), 0) {_NAMED}),"
        f" pending = COALESCE(pending, (SELECT MAX(first_position) {_NAMED})), version = version + 1"
        " WHERE rules = %s AND axis = %s",
        of_axis * 4,
    )
    _count(cursor)
    transaction.on_commit(waking.work_waits.set)


def forget(cursor: CursorWrapper, axis: str) -> None:
    cursor.execute(
        f"UPDATE {AXIS} SET named = 0, newest = 0, pending = NULL, version = version + 1"
        " WHERE rules = %s AND axis = %s",
        [patterns.RULES_VERSION, axis],
    )


def forget_all(cursor: CursorWrapper) -> None:
    # Versions continue, because a process may be grouping an axis.
    cursor.execute(
        f"UPDATE {AXIS} SET named = 0, newest = 0, pending = NULL, version = version + 1 WHERE rules = %s",
        [patterns.RULES_VERSION],
    )


def pending(cursor: CursorWrapper, up_to: int = EVERYWHERE, axis: str | None = None) -> list[Pending]:
    """The axes to group next, by lowest position up to ``up_to``; or only the named one."""
    named, values = ("AND axis = %s", [axis]) if axis is not None else ("", [])
    cursor.execute(
        f"SELECT axis, pending, version, named FROM {AXIS} WHERE rules = %s AND pending <= %s {named}"
        f" ORDER BY pending LIMIT {_MOST_AXES}",
        [patterns.RULES_VERSION, up_to, *values],
    )
    found: list[Pending] = []
    templates = 0
    for *row, number in cursor.fetchall():
        templates += number
        if found and templates > _MOST_TEMPLATES:
            break
        found.append(Pending(*row))
    return found


def advance(cursor: CursorWrapper, axis: str, version: int) -> bool:
    cursor.execute(
        f"UPDATE {AXIS} SET version = version + 1 WHERE rules = %s AND axis = %s AND version = %s",
        [patterns.RULES_VERSION, axis, version],
    )
    if cursor.rowcount == 0:
        return False
    _count(cursor)
    return True


def settle(cursor: CursorWrapper, axis: str, up_to: int) -> None:
    of_axis: list[int | str] = [patterns.RULES_VERSION, axis]
    cursor.execute(
        f"UPDATE {AXIS} SET pending = (SELECT MIN(first_position) {_NAMED} AND first_position > %s)"
        " WHERE rules = %s AND axis = %s",
        [*of_axis, up_to, *of_axis],
    )


def forget_other_rules(cursor: CursorWrapper) -> None:
    cursor.execute(f"DELETE FROM {AXIS} WHERE rules <> %s", [patterns.RULES_VERSION])


def _count(cursor: CursorWrapper) -> None:
    cursor.execute(f"UPDATE {_RULES} SET regrouped = regrouped + 1")
