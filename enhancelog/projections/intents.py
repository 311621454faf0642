"""How intents ended: applied, or rejected without another attempt; after how many attempts, and how long."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, Literal, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect
from enhancelog.domain.durations import NOT_FOLLOWED_MS, lower_bound_ms
from enhancelog.domain.intents import APART_MS, FOLLOWED
from enhancelog.domain.times import day_of, tally_day
from enhancelog.models import NO_DAY, Attempt, Entry, IntentTally, IntentTimeTally
from enhancelog.projections.expected import Expected, Row, Sums
from enhancelog.projections.next_attempts import ENDED, LAST, SEEN, neighbor
from enhancelog.projections.stored import Stored
from enhancelog.projections.tallies import add, negative

TABLES = (IntentTally, IntentTimeTally)
NUMBERS: Final = ("first", "second", "third", "further")  # of an attempt
COUNTS: Final = ("first", *(f"{outcome}_{number}" for outcome in ("applied", "given_up") for number in NUMBERS))

_INTENTS: Final = IntentTally._meta.db_table
_TIMES: Final = IntentTimeTally._meta.db_table
_ATTEMPT: Final = Attempt._meta.db_table
_INTENT_COLUMNS: Final = ("day", "blueprint_id", *COUNTS)
_TIME_COLUMNS: Final = ("day", "blueprint_id", "took_ms", "intents")
_ADD_INTENTS: Final = f"""
    ON CONFLICT (COALESCE(day, {NO_DAY}), blueprint_id) DO UPDATE SET
        {", ".join(f"{name} = tally.{name} + excluded.{name}" for name in COUNTS)}"""
_ADD_TIMES: Final = "ON CONFLICT (day, blueprint_id, took_ms) DO UPDATE SET intents = tally.intents + excluded.intents"
_IS_EMPTY: Final = " AND ".join(f"{name} = 0" for name in COUNTS)
_NO_INTENTS: Final = f"DELETE FROM {_INTENTS} WHERE COALESCE(day, {NO_DAY}) = %s AND blueprint_id = %s AND {_IS_EMPTY}"
_NO_TIMES: Final = f"DELETE FROM {_TIMES} WHERE day = %s AND blueprint_id = %s AND took_ms = %s AND intents = 0"


class Known(NamedTuple):
    """The last three are true or false. ``is_end``: the next attempt is at another intent."""

    intent_key: int
    ts_ms: int
    position: int
    blueprint_id: str
    applied: int
    is_end: int
    is_fresh: int


class Placed(NamedTuple):
    """``outcome``: if it ended its thread, which ``began_ms``."""

    attempt: Known
    number: int
    began_ms: int
    outcome: Literal["applied", "given_up"] | None

    @property
    def took_ms(self) -> int | None:
        """From the first attempt to the applied one, if that was a later one; the lower bound of the range."""
        if self.outcome != "applied" or self.number == 1:
            return None
        known = self.number <= FOLLOWED
        return lower_bound_ms(self.attempt.ts_ms - self.began_ms) if known else NOT_FOLLOWED_MS

    @property
    def counts(self) -> tuple[str, ...]:
        """Those of ``COUNTS`` to which it belongs."""
        return _counts(min(self.number, len(NUMBERS)), self.outcome)


@cache
def _counts(number: int, outcome: str | None) -> tuple[str, ...]:
    ended = (f"{outcome}_{NUMBERS[number - 1]}",) if outcome else ()
    return ("first", *ended) if number == 1 else ended


# Two passes over an index: from each new attempt back to the beginning of its thread, and on to its end. Another new
# one on the way goes on by itself.
def _walk(operator: Literal["<", ">"], limit: str) -> str:
    return f"""
        SELECT intent_key, ts_ms, position, 0 AS is_last, 0 AS steps FROM fresh
        UNION ALL
        SELECT far.intent_key, far.ts_ms, far.position,
            CASE WHEN far.position IN (SELECT position FROM fresh) THEN 1 ELSE {ENDED.format("far")} END, near.steps + 1
        FROM {{name}} near JOIN {_ATTEMPT} far ON far.position = {neighbor("near", operator, SEEN)}
        WHERE near.is_last = 0 AND near.steps <= {FOLLOWED} AND far.ts_ms {limit}"""


_AROUND: Final = f"""
    WITH RECURSIVE fresh AS MATERIALIZED (
        SELECT intent_key, ts_ms, position FROM {_ATTEMPT} WHERE {{is_fresh}}),
    earlier AS ({_walk("<", f">= near.ts_ms - {APART_MS}").format(name="earlier", up_to="{up_to}")}),
    later AS ({_walk(">", f"<= near.ts_ms + {APART_MS}").format(name="later", up_to="{up_to}")}),
    around AS MATERIALIZED (
        SELECT position, MAX(is_fresh) AS is_fresh FROM (
            SELECT position, CASE WHEN steps = 0 THEN 1 ELSE 0 END AS is_fresh FROM earlier
            UNION ALL SELECT position, 0 FROM later WHERE steps > 0) found
        GROUP BY position)
    SELECT a.intent_key, a.ts_ms, a.position,
        (SELECT blueprint_id FROM {Entry._meta.db_table} entry WHERE entry.position = a.position),
        a.applied, {ENDED.format("a")}, around.is_fresh
    FROM around JOIN {_ATTEMPT} a ON a.position = around.position
    ORDER BY a.intent_key, a.ts_ms, a.position"""


# With LIMIT, because PostgreSQL would answer EXISTS by a hash of all attempts.
def _any_other(condition: str) -> str:
    others = f"SELECT 1 FROM {_ATTEMPT} other WHERE other.intent_key = a.intent_key AND {condition} LIMIT 1"
    return f"({others}) IS NOT NULL"


_WITHIN: Final = f"""
    SELECT a.intent_key, a.ts_ms, a.position, a.applied, {ENDED.format("a")},
        CASE WHEN {_any_other(f"other.ts_ms >= a.ts_ms - {APART_MS} AND other.ts_ms < %s")}
            OR {_any_other(f"other.ts_ms >= %s AND other.ts_ms <= a.ts_ms + {APART_MS}")} THEN 1 ELSE 0 END
    FROM {_ATTEMPT} a WHERE {{is_fresh}} ORDER BY a.intent_key, a.ts_ms, a.position"""


def around(cursor: CursorWrapper, positions: Sequence[int], up_to: int = LAST) -> list[Known]:
    """The attempts at ``positions`` and those near them, of entries up to ``up_to``, in order.

    What is left out is the same with and without the attempts at ``positions``: attempts at other intents, and those
    FOLLOWED attempts away.
    """
    is_fresh, parameter = dialect().one_of("position", positions)
    statement = _AROUND.format(is_fresh=is_fresh, up_to="%s")
    return list(map(Known._make, dialect().fetch(cursor, statement, [parameter, up_to, up_to])))


# Like ``around``. ``runs``: position to Blueprint, of all runs of some Blueprints in a window.
def around_window(cursor: CursorWrapper, runs: Mapping[int, str], since_ms: int, until_ms: int) -> list[Known]:
    # Between two of these attempts at an intent there is no other. So only the first and the last one need a walk, and
    # only if there are others near them beyond the window's edges.
    is_fresh, parameter = dialect().one_of("position", list(runs))
    rows = dialect().fetch(cursor, _WITHIN.format(is_fresh=is_fresh), [since_ms, until_ms, parameter])
    found: dict[int, Known] = {}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for intent_key, ts_ms, position, applied, is_end, has_others in rows:
        found[position] = Known(intent_key, ts_ms, position, runs[position], applied, is_end, is_fresh=1)
        if has_others:
            first.setdefault(intent_key, position)
            last[intent_key] = position
    for attempt in around(cursor, [*{*first.values(), *last.values()}]):
        found.setdefault(attempt.position, attempt)
    return sorted(found.values())


def placed(attempts: Sequence[Known]) -> Iterator[Placed]:
    """``attempts``: in the order of ``around``."""
    number, began_ms = 0, 0
    for at, attempt in enumerate(attempts):
        if number == 0:
            began_ms = attempt.ts_ms
        number += 1
        is_end = attempt.is_end or at + 1 == len(attempts) or not _follows(attempts[at + 1], attempt)
        yield Placed(attempt, number, began_ms, ("applied" if attempt.applied else "given_up") if is_end else None)
        if is_end:
            number = 0


def _follows(attempt: Known, before: Known) -> bool:
    return attempt.intent_key == before.intent_key and attempt.ts_ms - before.ts_ms <= APART_MS


class Changes(NamedTuple):
    """``intents``: (day, Blueprint) to ``COUNTS``. ``times``: (day, Blueprint, lower bound) to (intents,)."""

    intents: dict[Row, Row]
    times: dict[Row, Row]


def changes(cursor: CursorWrapper, entries: Sequence[Stored], up_to: int = LAST) -> Changes:
    """What these entries, whose attempts are stored, change among those up to ``up_to``."""
    attempts = around(cursor, [stored.position for stored in entries], up_to)
    counts: Counter[tuple[int | None, str, str]] = Counter()
    times: Counter[tuple[int, str, int]] = Counter()
    for seen, sign in ((attempts, 1), ([attempt for attempt in attempts if not attempt.is_fresh], -1)):
        for each in placed(seen):
            day, blueprint_id = day_of(each.attempt.ts_ms), each.attempt.blueprint_id
            for name in each.counts:
                counts[day, blueprint_id, name] += sign
            if each.took_ms is not None:
                times[day, blueprint_id, each.took_ms] += sign
    counts.update(_alone(entries, {attempt.position for attempt in attempts}))
    return Changes(_by_day(counts), {key: (number,) for key, number in times.items() if number})


# A run without words in its intent or without a plausible time is the only attempt at an intent of its own.
def _alone(entries: Iterable[Stored], attempts: set[int]) -> Iterator[tuple[int | None, str, str]]:
    for stored in entries:
        if stored.position not in attempts:
            entry = stored.entry
            day = tally_day(entry.ts_ms, stored.recorded_ms)
            for name in of_only_attempt(entry.status):
                yield day, entry.blueprint_id, name


def of_only_attempt(status: str) -> tuple[str, ...]:
    """Those of ``COUNTS`` to which a run without a thread belongs."""
    return _counts(1, "applied" if status == "applied" else "given_up")


def _by_day(counts: Mapping[tuple[int | None, str, str], int]) -> dict[Row, Row]:
    found: dict[Row, list[int]] = {}
    for (day, blueprint_id, name), number in counts.items():
        if number:
            found.setdefault((day, blueprint_id), [0] * len(COUNTS))[COUNTS.index(name)] = number
    return {key: tuple(amounts) for key, amounts in found.items()}


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    _write(cursor, changes(cursor, entries))


def drop(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    found = changes(cursor, entries)
    _write(cursor, Changes(negative(found.intents), negative(found.times)))


def _write(cursor: CursorWrapper, found: Changes) -> None:
    add(cursor, _INTENTS, _INTENT_COLUMNS, found.intents, _ADD_INTENTS)
    add(cursor, _TIMES, _TIME_COLUMNS, found.times, _ADD_TIMES)
    # Zero counts have no row.
    for statement, sums in ((_NO_INTENTS, found.intents), (_NO_TIMES, found.times)):
        for (day, *rest), amounts in sums.items():
            if min(amounts) < 0:
                cursor.execute(statement, [NO_DAY if day is None else day, *rest])


def expected() -> list[Expected]:
    return [
        Sums(IntentTally, _INTENT_COLUMNS[:2], COUNTS, lambda entries: _expected(entries).intents),
        Sums(IntentTimeTally, _TIME_COLUMNS[:3], _TIME_COLUMNS[3:], lambda entries: _expected(entries).times),
    ]


# As if the entries had just come, because others come while the log is verified.
def _expected(entries: Sequence[Stored]) -> Changes:
    with connection.cursor() as cursor:
        return changes(cursor, entries, max((stored.position for stored in entries), default=0))
