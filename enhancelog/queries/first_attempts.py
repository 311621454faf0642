"""First attempts at an intent in a window, and how many of them were applied."""

from typing import Final, NamedTuple

from enhancelog.domain.intents import APART_MS
from enhancelog.models import Attempt, Entry
from enhancelog.projections.next_attempts import neighbor
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window
from enhancelog.queries.prepared import Statement, run, written
from enhancelog.queries.selection import PLAUSIBLE

MOST: Final = 10_000  # runs that are looked at, the first of the window

_ATTEMPT: Final = Attempt._meta.db_table


class FirstAttempts(NamedTuple):
    """``is_whole``: all runs of the window were looked at."""

    applied: int
    of: int
    is_whole: bool = True


def first_attempts(window: Window, blueprints: Named = EVERY) -> FirstAttempts:
    """``window`` has both bounds."""
    entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=window.since_ms, ts_ms__lt=window.until_ms)
    entries = entries.filter(blueprints.condition).order_by("ts_ms", "position")
    sample = written(entries.values("position")[:MOST])
    # An applied attempt ends a thread.
    statement = f"""
        WITH sample (position) AS MATERIALIZED ({sample.sql})
        SELECT (SELECT COUNT(*) FROM sample), COUNT(*), COALESCE(SUM(CASE WHEN mine.applied THEN 1 ELSE 0 END), 0)
        FROM sample JOIN {_ATTEMPT} mine ON mine.position = sample.position
        WHERE NOT EXISTS (
            SELECT 1 FROM {_ATTEMPT} earlier WHERE earlier.position = {neighbor("mine", "<")}
                AND NOT earlier.applied AND earlier.ts_ms >= mine.ts_ms - {APART_MS})"""
    ((looked_at, number, applied),) = run(Statement(statement, sample.values))
    return FirstAttempts(int(applied), int(number), looked_at < MOST)
