"""Retry threads: which try of how many, what came afterwards, what passed instead."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from enhancelog.domain import filters
from enhancelog.domain.intents import APART_MS, FOLLOWED, intent_key
from enhancelog.domain.records import Entry
from enhancelog.queries import entries as listed
from enhancelog.queries.counts import Count
from enhancelog.queries.threads import SHOWN, SHOWN_DENIED, passed_instead, thread, tries
from enhancelog.store.database import analyze
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

START_MS = 1_700_000_000_000
AFTERWARDS = ("applied", "rejected", "none")
INTENTS = st.sampled_from(["cite the line", "Again: cite the line", "cite the LINE (attempt 2)", "skip the file", "?!"])
GAPS = st.sampled_from([0, 0, 1, 60_000, APART_MS - 1, APART_MS, APART_MS, APART_MS + 1])


class Run(NamedTuple):
    entry: Entry
    source: str


@st.composite
def logs(draw: st.DrawFn, size: int = 14) -> list[Run]:
    """Runs in any order of arrival, neighbours about a week apart."""
    runs = []
    ts_ms = START_MS
    for number in range(draw(st.integers(1, size))):
        ts_ms += draw(GAPS)
        make = draw(st.sampled_from([make_entry, make_rejected, make_rejected]))
        run = make(
            issue_id=f"h-{number}",
            blueprint_id=draw(st.sampled_from(["main", "main", "other"])),
            intent=draw(INTENTS),
            ts_ms=draw(st.sampled_from([ts_ms] * 9 + [-1, 2**63 - 1])),
        )
        runs.append(Run(run, draw(st.sampled_from(["api", "api", "host-b"]))))
    return draw(st.permutations(runs))


def append(runs: Sequence[Run]) -> None:
    for run in runs:
        record(run.entry, source=run.source)


def expected(runs: Sequence[Run]) -> list[list[int]]:
    """The threads as positions in the order of time; ``runs`` in the order of arrival."""
    by_intent: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for position, run in enumerate(runs, 1):
        key = intent_key(run.entry.intent)
        if key and 0 <= run.entry.ts_ms < 2**62:
            by_intent.setdefault((run.entry.blueprint_id, run.source, key), []).append((run.entry.ts_ms, position))
    threads: list[list[int]] = []
    for attempts in by_intent.values():
        before = None
        for ts_ms, position in sorted(attempts):
            if before is None or before.status == "applied" or ts_ms - before.ts_ms > APART_MS:
                threads.append([])
            threads[-1].append(position)
            before = runs[position - 1].entry
    return threads


def came_after(runs: Sequence[Run], position: int) -> str:
    later = [later for each in expected(runs) if position in each for later in each[each.index(position) + 1 :]]
    if not later:
        return "none"
    return "applied" if runs[later[-1] - 1].entry.status == "applied" else "rejected"


def positions(pairs: Sequence[tuple[str, str]], up_to: int | None = None) -> list[int]:
    rows = listed.stream(filters.from_pairs(pairs, START_MS), "asc", up_to)
    return sorted(row[0] for chunk in rows for row in chunk)


@pytest.mark.django_db
class TestAgainstTheRule(TestCase):
    @settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(logs(), st.integers(0, 14))
    def test_every_entry_knows_its_place_and_what_came_afterwards(self, runs, up_to):
        append(runs)
        everything = range(1, len(runs) + 1)
        for seen in {len(runs), min(up_to, len(runs))}:
            places = {
                position: (each.index(position) + 1, len(each))
                for each in expected(runs[:seen])
                for position in each
                if len(each) > 1
            }
            found = tries(everything[:seen], seen)
            assert {position: (place.number.number, place.of.number) for position, place in found.items()} == places
            for word in AFTERWARDS:
                wanted = [position for position in everything[:seen] if came_after(runs[:seen], position) == word]
                assert positions([("afterwards", word)], seen) == wanted
                others = [position for position in everything[:seen] if position not in wanted]
                assert positions([("not_afterwards", word)], seen) == others
        for each in expected(runs):
            for place, position in enumerate(each):
                self.check_walk(runs, each, place, position)

    def check_walk(self, runs, each, place, position):
        """What the entry's own page and its pattern's say of the thread that it is a part of."""
        whole = thread(position)
        assert [attempt.listed.position for attempt in whole.attempts] == each
        assert [attempt.number.number for attempt in whole.attempts] == list(range(1, len(each) + 1))
        assert (whole.number, whole.of) == (Count(place + 1), Count(len(each)))
        ended = runs[each[-1] - 1].entry.status == "applied" and position != each[-1]
        passed = {one.applied.position: one.tries.number for one in passed_instead([position]).values()}
        assert passed == ({each[-1]: len(each) - 1 - place} if ended else {})


def attempts(number: int, apart_ms: int, *, applied: bool = True) -> list[Entry]:
    """Rejected runs at one intent, the last of them applied."""
    runs = [make_rejected(issue_id=f"h-{n}", ts_ms=START_MS + n * apart_ms) for n in range(number)]
    last = make_entry(issue_id="last", ts_ms=START_MS + number * apart_ms)
    return [*runs, last] if applied else runs


def test_applied_run_names_who_denied_the_tries_before_in_their_order():
    record(
        make_rejected("des", "tone", issue_id="a", ts_ms=START_MS),
        make_rejected("noop", issue_id="b", ts_ms=START_MS + 1),
        make_entry(issue_id="c", ts_ms=START_MS + 2),
    )
    found = tries([1, 2, 3])
    assert found[3] == (Count(3), Count(3), ("des", "tone", "noop"))
    assert found[2] == (Count(2), Count(3), ())


def test_long_threads_are_followed_only_so_far_and_say_so():
    record_all(attempts(FOLLOWED + 10, 60_000))
    last = FOLLOWED + 11
    found = tries([1, 2, last - 1, last])
    assert [str(each.number) for each in found.values()] == ["1", "2", f"{FOLLOWED + 1}+", f"{FOLLOWED + 1}+"]
    assert [str(each.of) for each in found.values()] == [f"{n}+" for n in (51, 52, 52, 51)]
    assert len(found[last].denied) == SHOWN_DENIED
    whole = thread(last)
    assert len(whole.attempts) == SHOWN + 1
    assert (str(whole.earlier_left_out), str(whole.later_left_out)) == (f"{FOLLOWED - SHOWN}+", "0")
    assert str(passed_instead([1])[1].tries) == f"{FOLLOWED}+"
    assert str(passed_instead([last - 2])[last - 2].tries) == "2"
    assert positions([("afterwards", "applied")]) == list(range(1, last))


def test_what_is_applied_beyond_what_is_followed_is_not_seen():
    record_all(attempts(FOLLOWED + 10, APART_MS))
    assert positions([("afterwards", "rejected")]) == list(range(1, 11))
    assert positions([("afterwards", "applied")]) == list(range(11, FOLLOWED + 11))
    assert sorted(passed_instead(range(1, FOLLOWED + 12))) == list(range(11, FOLLOWED + 11))


def test_late_entry_joins_two_threads():
    far = make_entry(issue_id="b", ts_ms=START_MS + 2 * APART_MS)
    record(make_rejected(issue_id="a", ts_ms=START_MS), far)
    assert tries([1, 2]) == {}
    record(make_rejected(issue_id="late", ts_ms=START_MS + APART_MS))
    assert [str(place.number) for place in tries([1, 3, 2]).values()] == ["1", "2", "3"]
    assert tries([1, 2], up_to=2) == {}


def test_asking_about_nothing_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert (tries([]), passed_instead([])) == ({}, {})


def test_one_statement_whatever_the_number(django_assert_num_queries):
    record_all(attempts(40, 60_000))
    with django_assert_num_queries(3):
        tries(range(1, 42))
        passed_instead(range(1, 42))
        thread(20)


def test_every_step_is_an_index_range_also_where_times_are_equal(django_assert_max_num_queries):
    others = (make_entry(issue_id=f"other {n}", intent=f"other {n}", ts_ms=START_MS + n) for n in range(300))
    record_all([*attempts(3, 0), *others])
    analyze()  # a database may have done so already
    with django_assert_max_num_queries(5) as asked:  # PostgreSQL is asked for the lengths of rows first
        tries([1, 2])
        thread(2)
        passed_instead([1, 2])
        positions([("afterwards", "applied"), ("status", "rejected")], 4)
    for query in asked.captured_queries:
        steps, where = plan(query["sql"])
        assert steps
        assert all(where in step for step in steps), steps


def plan(statement: str) -> tuple[list[str], str]:
    """The looks at attempts that are not by position, and what an index range from both halves of a key looks like."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            return [row[3] for row in cursor.fetchall() if " a " in row[3]], "(ts_ms,position)"
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table this small is quicker read whole
        cursor.execute(f"EXPLAIN {statement}")
        return [row[0] for row in cursor.fetchall() if "Cond: " in row[0] and "intent_key" in row[0]], "ROW(ts_ms, "
