"""What followed a run in its retry thread, as SQL."""

from typing import Final

from enhancelog.domain.intents import APART_MS, FOLLOWED
from enhancelog.models import Attempt
from enhancelog.projections.next_attempts import LAST, neighbor

# A retry thread is the attempts with one ``intent_key`` in time order, neighbors at most APART_MS apart; an applied run
# ends it. It is followed from a run for at least APART_MS and FOLLOWED tries, which bounds the cost of a row.

ATTEMPT: Final = Attempt._meta.db_table

# SQLite seeks by both halves of a row value only where the right side has no affinity, hence the plus signs.
FROM_MINE: Final = (
    "a.intent_key = mine.intent_key AND (a.ts_ms, a.position) {} (+mine.ts_ms, +mine.position) AND a.position <= %s"
)
FORTH: Final = "ORDER BY a.ts_ms, a.position"


def next_attempt(column: str, *, applied: bool = False) -> str:
    """Takes the last visible position as parameter."""
    return neighbor("mine", ">", "AND a.position <= %s" + (" AND a.applied" if applied else ""), column)


# Whether an applied run ends the thread within FOLLOWED tries after ``mine``.
_IS_REACHED: Final = f"""EXISTS (
    SELECT 1 FROM (
        SELECT step.applied, MAX(step.apart_ms) OVER (ORDER BY step.ts_ms, step.position) AS apart_ms FROM (
            SELECT run.*, run.ts_ms - LAG(run.ts_ms) OVER (ORDER BY run.ts_ms, run.position) AS apart_ms FROM (
                SELECT a.ts_ms, a.position, a.applied FROM {ATTEMPT} a
                WHERE {FROM_MINE.format(">=")} {FORTH} LIMIT {FOLLOWED + 1}) run) step) walked
    WHERE walked.applied AND walked.apart_ms <= {APART_MS})"""


def afterwards(position: str) -> str:
    """``position``: an SQL expression. Takes ``afterwards_parameters``."""
    # Nothing follows applied runs and runs without a thread.
    soon = f"mine.ts_ms + {APART_MS}"
    return f"""COALESCE((
        SELECT CASE
            WHEN {next_attempt("ts_ms", applied=True)} <= {soon} THEN 'applied'
            WHEN {next_attempt("ts_ms")} <= {soon} THEN CASE
                WHEN {next_attempt("ts_ms", applied=True)} IS NULL THEN 'rejected'
                WHEN {_IS_REACHED} THEN 'applied' ELSE 'rejected' END
        END FROM {ATTEMPT} mine WHERE mine.position = {position} AND NOT mine.applied), 'none')"""


def afterwards_parameters(up_to: int | None) -> list[int]:
    """``None``: all positions are visible."""
    return [LAST if up_to is None else up_to] * 4
