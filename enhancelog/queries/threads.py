"""Retry threads, computed on read."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from enhancelog.domain.intents import APART_MS, FOLLOWED
from enhancelog.models import Denial, Entry
from enhancelog.projections.next_attempts import LAST, neighbor
from enhancelog.queries.afterwards import ATTEMPT, afterwards, afterwards_parameters, next_attempt
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.queries.prepared import Statement, run
from enhancelog.store.rows import COLUMNS

# A thread is followed FOLLOWED tries each way; if it continues, its numbers say so ("51+").

# Attempts read in full, each way.
SHOWN: Final = 25

# Rejections before an applied run whose axes are listed.
SHOWN_DENIED: Final = 6

_ENTRY: Final = Entry._meta.db_table
_ENTRY_COLUMNS: Final = ", ".join(f"entry.{column}" for column in COLUMNS)
_EARLIER: Final = neighbor("near", "<", "AND a.position <= %s")
_LATER: Final = neighbor("near", ">", "AND a.position <= %s")


class Try(NamedTuple):
    """``denied``: axes that denied the last tries before an applied one, in time order."""

    number: Count
    of: Count
    denied: tuple[str, ...] = ()

    @property
    def earlier(self) -> Count:
        return Count(self.number.number - 1, self.number.capped)


class Attempt(NamedTuple):
    number: Count
    listed: Listed


class Thread(NamedTuple):
    """The nearest ``attempts`` in time order; ``number`` is the requested one."""

    number: Count
    of: Count
    attempts: Sequence[Attempt]
    earlier_left_out: Count
    later_left_out: Count


class PassedInstead(NamedTuple):
    applied: Listed
    tries: Count


def tries(positions: Iterable[int], up_to: int = LAST) -> dict[int, Try]:
    """Only of entries with other tries; ignores entries beyond ``up_to``."""
    wanted = list(positions)
    if not wanted:
        return {}
    found: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for entry, what, steps, axis in run(Statement(_tries(len(wanted)), (*wanted, up_to, up_to))):
        found.setdefault((entry, what), []).append((steps, axis))
    places = {}
    for entry in wanted:
        (earlier, _), (later, _) = (found.get((entry, way), [(0, "")])[0] for way in ("earlier", "later"))
        if earlier or later:
            denied = [axis for _, axis in sorted(found.get((entry, "denied"), ()))]
            places[entry] = Try(*_place(_capped(earlier), _capped(later)), tuple(denied))
    return places


@lru_cache(maxsize=64)
def _tries(entries: int) -> str:
    return f"""{_walked(entries)}
        SELECT entry, 'earlier', MAX(steps), '' FROM earlier GROUP BY entry
        UNION ALL SELECT entry, 'later', MAX(steps), '' FROM later GROUP BY entry
        UNION ALL SELECT earlier.entry, 'denied', -earlier.steps, denial.axis
            FROM earlier JOIN {Denial._meta.db_table} denial ON denial.position = earlier.position
            WHERE earlier.ends AND earlier.steps BETWEEN 1 AND {SHOWN_DENIED}"""


def thread(position: int) -> Thread | None:
    """``None`` if the entry is no attempt: its intent has no words, or its time is implausible."""
    statement = f"""{_walked(1)}
        SELECT walked.steps, {_ENTRY_COLUMNS}
        FROM (SELECT -steps AS steps, position FROM earlier UNION ALL
              SELECT steps, position FROM later WHERE steps > 0) walked
        LEFT JOIN {_ENTRY} entry
            ON entry.position = walked.position AND walked.steps BETWEEN {-SHOWN} AND {SHOWN}
        ORDER BY walked.steps"""
    rows = run(Statement(statement, (position, LAST, LAST)))
    if not rows:
        return None
    earlier, later = _capped(-rows[0][0]), _capped(rows[-1][0])
    number, of = _place(earlier, later)
    attempts = [
        Attempt(Count(number.number + steps, number.capped), Listed(tuple(row))) for steps, *row in rows if row[0]
    ]
    return Thread(number, of, attempts, _beyond(earlier), _beyond(later))


def passed_instead(positions: Iterable[int]) -> dict[int, PassedInstead]:
    """The applied run that ended each entry's thread. Reads whole entries."""
    wanted = list(positions)
    if not wanted:
        return {}
    statement = f"""
        SELECT denied.entry,
            (SELECT COUNT(*) FROM (
                SELECT 1 FROM {ATTEMPT} a WHERE a.intent_key = mine.intent_key
                  AND (a.ts_ms, a.position) > (+mine.ts_ms, +mine.position)
                  AND (a.ts_ms, a.position) <= (+ended.ts_ms, +ended.position) LIMIT {FOLLOWED + 1}) again),
            {_ENTRY_COLUMNS}
        FROM (SELECT position AS entry FROM {ATTEMPT} WHERE position IN ({_places(len(wanted))})) denied
        JOIN {ATTEMPT} mine ON mine.position = denied.entry
        JOIN {ATTEMPT} ended ON ended.position = {next_attempt("position", applied=True)}
        JOIN {_ENTRY} entry ON entry.position = ended.position
        WHERE {afterwards("denied.entry")} = 'applied'"""
    rows = run(Statement(statement, (*wanted, LAST, *afterwards_parameters(None))))
    return {position: PassedInstead(Listed(tuple(row)), _capped(steps)) for position, steps, *row in rows}


def _capped(steps: int) -> Count:
    return Count(min(steps, FOLLOWED), capped=steps > FOLLOWED)


def _beyond(steps: Count) -> Count:
    return Count(max(steps.number - SHOWN, 0), steps.capped)


def _place(earlier: Count, later: Count) -> tuple[Count, Count]:
    number = Count(earlier.number + 1, earlier.capped)
    return number, Count(number.number + later.number, earlier.capped or later.capped)


def _walked(entries: int) -> str:
    # For a condition on ``far`` alone, SQLite would build a Bloom filter over all attempts.
    return f"""
        WITH RECURSIVE mine (entry, intent_key, ts_ms, applied) AS (
            SELECT position, intent_key, ts_ms, applied FROM {ATTEMPT} WHERE position IN ({_places(entries)})),
        earlier (entry, ends, intent_key, ts_ms, position, steps) AS (
            SELECT entry, applied, intent_key, ts_ms, entry, 0 FROM mine
            UNION ALL
            SELECT near.entry, near.ends, far.intent_key, far.ts_ms, far.position, near.steps + 1
            FROM earlier near JOIN {ATTEMPT} far ON far.position = {_EARLIER}
            WHERE near.steps <= {FOLLOWED} AND NOT (far.applied AND near.steps >= 0)
                AND far.ts_ms >= near.ts_ms - {APART_MS}),
        later (entry, ended, intent_key, ts_ms, position, steps) AS (
            SELECT entry, applied, intent_key, ts_ms, entry, 0 FROM mine
            UNION ALL
            SELECT near.entry, far.applied, far.intent_key, far.ts_ms, far.position, near.steps + 1
            FROM later near JOIN {ATTEMPT} far ON far.position = {_LATER}
            WHERE near.steps <= {FOLLOWED} AND NOT near.ended AND far.ts_ms <= near.ts_ms + {APART_MS})"""


def _places(number: int) -> str:
    return ", ".join(["%s"] * number)
