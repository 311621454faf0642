"""What came next: for each axis that denied a rejected run, the next attempt at the same intent."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.intents import APART_MS
from enhancelog.models import Attempt, Denial

Outcome = Literal["applied", "same", "other"]  # "same": denied by the same axis

_ATTEMPT: Final = Attempt._meta.db_table
_DENIAL: Final = Denial._meta.db_table
SEEN: Final = "AND a.position <= {up_to}"
LAST: Final = 2**63 - 1  # beyond every position
# Nothing follows an applied run, nor one whose later attempts are not looked up.
ENDED: Final = "CASE WHEN {0}.applied OR {0}.crowded THEN 1 ELSE 0 END"


class Change(NamedTuple):
    """``None``: there was no next attempt within ``APART_MS``."""

    position: int
    ts_ms: int
    blueprint_id: str
    axis: str
    before: Outcome | None
    after: Outcome | None


def neighbor(of: str, operator: Literal["<", ">"], condition: str = "", column: str = "position") -> str:
    """SQL for a column of the attempt just before or after. ``condition``: on ``a``."""
    order = "DESC" if operator == "<" else "ASC"
    # SQLite seeks by both halves of a row value only where the right side has no affinity, hence the plus signs.
    return f"""(
        SELECT a.{column} FROM {_ATTEMPT} a
        WHERE a.intent_key = {of}.intent_key {condition}
            AND (a.ts_ms, a.position) {operator} (+{of}.ts_ms, +{of}.position)
        ORDER BY a.ts_ms {order}, a.position {order} LIMIT 1)"""


def _outcome(position: str) -> str:
    return f"""(
        SELECT CASE WHEN near.applied THEN 'applied'
            WHEN EXISTS (
                SELECT 1 FROM {_DENIAL} again WHERE again.position = near.position AND again.axis = denial.axis)
            THEN 'same' ELSE 'other' END
        FROM {_ATTEMPT} near WHERE near.position = {position} AND near.ts_ms <= denial.ts_ms + {APART_MS})"""


# A new attempt has a next one itself, and is the next one of the attempt just before it. The condition on ended ones
# comes after grouping: next to the join, SQLite would build a Bloom filter over all attempts for it.
_CHANGES: Final = f"""
    WITH fresh AS MATERIALIZED (
        SELECT position, intent_key, ts_ms, {ENDED.format("a")} AS ended FROM {_ATTEMPT} a WHERE {{is_fresh}}),
    concerned AS (
        SELECT position, intent_key, ts_ms, MAX(is_fresh) AS is_fresh FROM (
            SELECT position, intent_key, ts_ms, ended, 1 AS is_fresh FROM fresh
            UNION ALL
            SELECT earlier.position, earlier.intent_key, earlier.ts_ms, {ENDED.format("earlier")}, 0
            FROM fresh JOIN {_ATTEMPT} earlier ON earlier.position = {neighbor("fresh", "<", SEEN)}) found
        GROUP BY position, intent_key, ts_ms HAVING MAX(ended) = 0),
    followed AS MATERIALIZED (
        SELECT position, CASE WHEN is_fresh = 0 THEN
            {neighbor("concerned", ">", SEEN + " AND a.position NOT IN (SELECT position FROM fresh)")} END AS before,
            {neighbor("concerned", ">", SEEN)} AS after
        FROM concerned)
    SELECT denial.position, denial.ts_ms, denial.blueprint_id, denial.axis,
        {_outcome("followed.before")}, {_outcome("followed.after")}
    FROM followed JOIN {_DENIAL} denial ON denial.position = followed.position"""


def changes(cursor: CursorWrapper, positions: Sequence[int], up_to: int = LAST) -> Iterator[Change]:
    """What the entries at ``positions``, whose denials and attempts are stored, change among those up to ``up_to``."""
    is_fresh, parameter = dialect().one_of("position", positions)
    statement = _CHANGES.format(is_fresh=is_fresh, up_to="%s")
    yield from (Change(*row) for row in dialect().fetch(cursor, statement, [parameter, up_to, up_to, up_to]))
