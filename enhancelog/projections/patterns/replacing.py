"""Rows of other rules versions than this release's: where their ids lead, and how they go, a batch at a time.

Templates stay, without denials and tallies, so that links made under older rules lead to the pattern of today which
holds their first denial.
"""

from typing import Final

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.projections.patterns import axes
from enhancelog.projections.patterns.adding import DENIAL, TALLY, TEMPLATE

BATCH: Final = 1_000
"""Denials that go in one transaction."""


def point_old_ids(cursor: CursorWrapper) -> None:
    """Every template of other rules points to this release's template of its first denial, or to itself for none."""
    cursor.execute(
        f"""UPDATE {TEMPLATE} SET pattern_id = COALESCE((
                SELECT present.id FROM {DENIAL} denial JOIN {TEMPLATE} present ON present.id = denial.template_id
                WHERE denial.position = {TEMPLATE}.first_position AND present.rules = %s
                  AND present.axis = {TEMPLATE}.axis), id)
            WHERE rules <> %s""",
        [patterns.RULES_VERSION, patterns.RULES_VERSION],
    )


def leftovers(cursor: CursorWrapper) -> bool:
    """Whether ``sweep`` would find something."""
    return _one_with_rows(cursor, "<>") is not None or _useless(cursor)


def sweep(cursor: CursorWrapper) -> None:
    """Take some rows of other rules away; only once this release's are served."""
    if not _sweep_one(cursor, "<>") and _useless(cursor):
        cursor.execute(f"DELETE FROM {TEMPLATE} WHERE {_USELESS}", [patterns.RULES_VERSION])
        axes.forget_other_rules(cursor)


def forget_earlier_try(cursor: CursorWrapper) -> bool:
    """Take some rows of this release's rules away, which are not served: whether there were any."""
    if _sweep_one(cursor, "="):
        return True
    cursor.execute(f"DELETE FROM {TEMPLATE} WHERE rules = %s", [patterns.RULES_VERSION])
    axes.forget_all(cursor)
    return False


_USELESS: Final = "rules <> %s AND (other OR pattern_id = id)"


def _useless(cursor: CursorWrapper) -> bool:
    """Templates of other rules that lead nowhere."""
    cursor.execute(f"SELECT 1 FROM {TEMPLATE} WHERE {_USELESS} LIMIT 1", [patterns.RULES_VERSION])
    return cursor.fetchone() is not None


def _sweep_one(cursor: CursorWrapper, compared: str) -> bool:
    template_id = _one_with_rows(cursor, compared)
    if template_id is None:
        return False
    some = f"SELECT position FROM {DENIAL} WHERE pattern_id = %s ORDER BY ts_ms, position LIMIT {BATCH}"
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
