"""Removes rows of other rules versions in batches."""

from typing import Final

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.projections.patterns import axes
from enhancelog.projections.patterns.adding import DENIAL, TALLY, TEMPLATE

# Templates stay, without denials and tallies, so that old links lead to today's pattern of their first denial.

DENIALS_PER_TRANSACTION: Final = 1_000


def point_old_ids(cursor: CursorWrapper) -> None:
    """Point each template of other rules to the current template of its first denial, or to itself."""
    cursor.execute(
        f"""UPDATE {TEMPLATE} SET pattern_id = COALESCE((
                SELECT present.id FROM {DENIAL} denial JOIN {TEMPLATE} present ON present.id = denial.template_id
                WHERE denial.position = {TEMPLATE}.first_position AND present.rules = %s
                  AND present.axis = {TEMPLATE}.axis), id)
            WHERE rules <> %s""",
        [patterns.RULES_VERSION, patterns.RULES_VERSION],
    )


def leftovers(cursor: CursorWrapper) -> bool:
    return _one_with_rows(cursor, "<>") is not None or _useless(cursor)


def sweep(cursor: CursorWrapper) -> None:
    """Delete some rows of other rules; call once this release's are served."""
    if not _sweep_one(cursor, "<>") and _useless(cursor):
        cursor.execute(f"DELETE FROM {TEMPLATE} WHERE {_USELESS}", [patterns.RULES_VERSION])
        axes.forget_other_rules(cursor)


def forget_earlier_try(cursor: CursorWrapper) -> bool:
    """Delete some unserved rows of this release's rules; returns whether there were any."""
    if _sweep_one(cursor, "="):
        return True
    cursor.execute(f"DELETE FROM {TEMPLATE} WHERE rules = %s", [patterns.RULES_VERSION])
    axes.forget_all(cursor)
    return False


_USELESS: Final = "rules <> %s AND (other OR pattern_id = id)"


def _useless(cursor: CursorWrapper) -> bool:
    cursor.execute(f"SELECT 1 FROM {TEMPLATE} WHERE {_USELESS} LIMIT 1", [patterns.RULES_VERSION])
    return cursor.fetchone() is not None


def _sweep_one(cursor: CursorWrapper, compared: str) -> bool:
    template_id = _one_with_rows(cursor, compared)
    if template_id is None:
        return False
    some = (
        f"SELECT position FROM {DENIAL} WHERE pattern_id = %s ORDER BY ts_ms, position LIMIT {DENIALS_PER_TRANSACTION}"
    )
    cursor.execute(f"DELETE FROM {DENIAL} WHERE pattern_id = %s AND position IN ({some})", [template_id, template_id])
    cursor.execute(f"DELETE FROM {TALLY} WHERE template_id = %s", [template_id])
    return True


def _one_with_rows(cursor: CursorWrapper, compared: str) -> int | None:
    cursor.execute(
        f"SELECT id FROM {TEMPLATE} template WHERE rules {compared} %s"
        f" AND (EXISTS (SELECT 1 FROM {DENIAL} denial WHERE denial.pattern_id = template.id)"
        f" OR EXISTS (SELECT 1 FROM {TALLY} tally WHERE tally.template_id = template.id)) LIMIT 1",
        [patterns.RULES_VERSION],
    )
    row = cursor.fetchone()
    return row[0] if row else None
