"""Unfinished runs at the intent of a retry thread, and the thread at the intent of such a run."""

from typing import Final, NamedTuple

from enhancelog import models
from enhancelog.backends import faults
from enhancelog.domain.intents import APART_MS, intent_hash, thread_key, thread_key_of
from enhancelog.domain.times import is_plausible
from enhancelog.queries.afterwards import ATTEMPT
from enhancelog.queries.entries import Listed
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.threads import Thread, thread
from enhancelog.queries.unfinished import UnfinishedRun, begun_ms, run_of
from enhancelog.store import redacted

SHOWN: Final = 20

_BEGUN: Final = "COALESCE(ts_ms, not_before_ms, not_after_ms, recorded_ms)"  # as in the index
# With each, the last attempt before a moment.
_NEAR: Final = f"""
    SELECT (SELECT a.ts_ms FROM {ATTEMPT} a WHERE a.intent_key = %s AND (a.ts_ms, a.position) < (%s, %s)
        ORDER BY a.ts_ms DESC, a.position DESC LIMIT 1), {", ".join(UnfinishedRun.__struct_fields__)}
    FROM {models.UnfinishedRun._meta.db_table}
    WHERE intent_key = %s AND NOT (status = 'resolved') AND {_BEGUN} >= %s AND {_BEGUN} <= %s
    ORDER BY {_BEGUN} DESC, id DESC LIMIT {SHOWN + 1}"""
# The last attempt before it unless that was applied, else the first after it.
_NEXT_TO: Final = f"""
    SELECT position, 0 AS choice FROM (SELECT position, applied FROM {ATTEMPT}
        WHERE intent_key = %s AND ts_ms >= %s AND ts_ms <= %s
        ORDER BY ts_ms DESC, position DESC LIMIT 1) before WHERE NOT applied
    UNION ALL
    SELECT position, 1 FROM (SELECT position FROM {ATTEMPT} WHERE intent_key = %s AND ts_ms > %s AND ts_ms <= %s
        ORDER BY ts_ms, position LIMIT 1) after
    ORDER BY choice LIMIT 1"""

# A time, and -1 if a run began before the entry of that time, which is at 0, or 1 if after it.
Place = tuple[int, int]


class AtIntent(NamedTuple):
    """In time order, the newest ``SHOWN``."""

    runs: list[UnfinishedRun]
    has_more: bool = False


def place(unfinished: UnfinishedRun) -> Place:
    is_before = unfinished.ts_ms is None and unfinished.not_before_ms is None and unfinished.not_after_ms is not None
    return begun_ms(unfinished), -1 if is_before else 1


def near(found: Thread) -> AtIntent:
    """Those between the attempts, or up to a week beside them."""
    first = found.attempts[0].listed
    key = thread_key_of(first.blueprint_id, first.source, _intent(first))
    begin, end = _begin(found), _end(found)
    with faults():
        rows = run(Statement(_NEAR, (key, first.ts_ms, first.position, key, begin[0], end[0])))
    if rows and rows[0][0] is not None:
        begin = max(begin, (rows[0][0], 0))
    runs = [run_of(row[1:]) for row in reversed(rows[:SHOWN])]
    return AtIntent(sorted((each for each in runs if begin < place(each) < end), key=place), len(rows) > SHOWN)


def _intent(listed: Listed) -> int | None:
    if listed.redacted is None:
        return intent_hash(listed.entry.intent)
    with faults():
        kept = redacted.kept([listed.position]).get(listed.position)
    return kept.intent if kept else None  # what it keeps was damaged, which ``verify_log`` finds


def thread_of(unfinished: UnfinishedRun) -> Thread | None:
    """The thread that the run continues, or else the one that it began."""
    key = thread_key(unfinished.blueprint_id, unfinished.source, unfinished.intent)
    at, side = place(unfinished)
    if key is None or not is_plausible(at, unfinished.recorded_ms):
        return None
    up_to = at if side > 0 else at - 1
    with faults():
        found = run(Statement(_NEXT_TO, (key, at - APART_MS, up_to, key, up_to, at + APART_MS)))
        return thread(found[0][0]) if found else None


# Runs beside attempts that are not shown are left out, and those that belong to the thread before or after.
def _begin(found: Thread) -> Place:
    first = found.attempts[0].listed
    return (first.ts_ms, 0) if found.earlier_left_out.number else (first.ts_ms - APART_MS, -2)


def _end(found: Thread) -> Place:
    last = found.attempts[-1].listed
    if found.later_left_out.number or last.status == "applied":
        return last.ts_ms, 0
    return last.ts_ms + APART_MS, 2
