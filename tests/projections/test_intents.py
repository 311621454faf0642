"""How intents ended, as tallied and listed: after how many attempts, and how long."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain import filters
from enhancelog.domain.durations import NOT_FOLLOWED_MS, lower_bound_ms
from enhancelog.domain.intents import APART_MS, FOLLOWED, intent_key
from enhancelog.domain.records import denials
from enhancelog.domain.times import DAY_MS, is_plausible, now_ms
from enhancelog.models import Entry, IntentTally, IntentTimeTally
from enhancelog.projections import intents
from enhancelog.projections.attempts import MOST_DENIED
from enhancelog.queries import entries as listed
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.factories import make_entry, make_many, make_rejected
from tests.plans import plans, whole_tables
from tests.queries.test_next_attempts import after_a_drop, logs
from tests.queries.test_threads import START_MS, Run, append
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

NUMBERS = ("first", "second", "third", "further")
some = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Attempted(NamedTuple):
    run: Run
    number: int
    began_ms: int
    is_last: bool

    @property
    def word(self) -> str:
        return NUMBERS[min(self.number, 4) - 1]

    @property
    def day(self) -> int | None:
        ts_ms = self.run.entry.ts_ms
        return ts_ms // DAY_MS if is_plausible(ts_ms, now_ms()) else None


def threads(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs of each intent in time order; those without a thread, alone."""
    found: list[list[Run]] = []
    open_threads: dict[tuple[str, str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.entry.ts_ms):
        words = intent_key(run.entry.intent)
        if not words or not is_plausible(run.entry.ts_ms, now_ms()):
            found.append([run])
            continue
        key = run.entry.blueprint_id, run.source, words
        before = open_threads.get(key)
        if before and not is_end(before[-1]) and run.entry.ts_ms - before[-1].entry.ts_ms <= APART_MS:
            before.append(run)
        else:
            open_threads[key] = [run]
            found.append(open_threads[key])
    return found


def is_end(run: Run) -> bool:
    return run.entry.status == "applied" or len(denials(run.entry)) > MOST_DENIED


def attempted(runs: Sequence[Run]) -> list[Attempted]:
    return [
        Attempted(run, number, thread[0].entry.ts_ms, number == len(thread))
        for thread in threads(runs)
        for number, run in enumerate(thread, 1)
    ]


def counted(runs: Sequence[Run]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    counts: dict[Any, Counter[str]] = {}
    times: Counter[tuple[Any, ...]] = Counter()
    for each in attempted(runs):
        entry = each.run.entry
        key = each.day, entry.blueprint_id
        here = counts.setdefault(key, Counter())
        here["first"] += each.number == 1
        if each.is_last:
            here[f"{'applied' if entry.status == 'applied' else 'given_up'}_{each.word}"] += 1
        if entry.status == "applied" and each.number > 1:
            took_ms = entry.ts_ms - each.began_ms
            times[(*key, lower_bound_ms(took_ms) if each.number <= FOLLOWED else NOT_FOLLOWED_MS)] += 1
    return {key: tuple(here[name] for name in intents.COUNTS) for key, here in counts.items() if +here}, dict(times)


def tallied() -> tuple[dict[Any, Any], dict[Any, Any]]:
    rows = IntentTally.objects.values_list("day", "blueprint_id", *intents.COUNTS)
    times = IntentTimeTally.objects.values_list("day", "blueprint_id", "took_ms", "intents")
    return {row[:2]: row[2:] for row in rows}, {row[:3]: row[3] for row in times}


def ids(*pairs: tuple[str, str]) -> set[str]:
    wanted = filters.from_pairs(pairs, now_ms())
    return {row[1] for row in listed.page(wanted, "asc", 1000).rows}


@some
@given(logs())
def test_tallies_and_lists_are_those_of_the_threads(runs: list[Run]) -> None:
    with transaction.atomic():
        append(runs)
        assert tallied() == counted(runs)
        found = attempted(runs)
        for number in NUMBERS:
            wanted = {each.run.entry.issue_id for each in found if each.word == number}
            assert ids(("attempt", number)) == wanted
            assert ids(("not_attempt", number)) == {run.entry.issue_id for run in runs} - wanted
        assert ids(("attempt", "later")) == ids(("not_attempt", "first"))
        assert ids(("attempt", "first"), ("attempt", "further")) == ids(("attempt", "first")) | ids(
            ("attempt", "further")
        )
        assert ids(("status", "rejected"), ("next", "none")) == {
            each.run.entry.issue_id for each in found if each.is_last and each.run.entry.status == "rejected"
        }
        assert list(verify()) == []
        transaction.set_rollback(True)


@some
@given(logs())
def test_they_are_the_same_in_batches_and_after_a_rebuild(runs: list[Run]) -> None:
    with transaction.atomic():
        record_all([run.entry for run in runs if run.source == "api"])
        record_all([run.entry for run in runs if run.source != "api"], source="host-b")
        assert tallied() == counted(runs)
        rebuild_projections()
        assert tallied() == counted(runs)
        transaction.set_rollback(True)


@some
@given(logs(), st.data())
def test_they_follow_whatever_is_dropped(runs: list[Run], data: st.DataObject) -> None:
    left, found = after_a_drop(runs, data, tallied)
    assert found == counted(left)


def a_long_thread(attempts: int) -> list[Run]:
    rejected = [make_rejected(issue_id=f"r-{at}", ts_ms=START_MS + 1000 * at) for at in range(attempts - 1)]
    return [Run(entry, "api") for entry in [*rejected, make_entry(issue_id="a", ts_ms=START_MS + 1000 * attempts)]]


@pytest.mark.parametrize("attempts", [FOLLOWED - 1, FOLLOWED, FOLLOWED + 1, FOLLOWED + 2, 3 * FOLLOWED])
@pytest.mark.parametrize("order", ["forth", "back", "middle"])
def test_threads_longer_than_are_followed(attempts: int, order: str) -> None:
    runs = a_long_thread(attempts)
    half = attempts // 2
    orders = {"forth": runs, "back": runs[::-1], "middle": [*runs[:half], *runs[half + 1 :], runs[half]]}
    append(orders[order])
    assert tallied() == counted(runs)
    (took_ms,) = IntentTimeTally.objects.values_list("took_ms", flat=True)
    assert (took_ms == NOT_FOLLOWED_MS) == (attempts > FOLLOWED)
    assert list(verify()) == []


@pytest.mark.parametrize("first", [0, 1, FOLLOWED, 2 * FOLLOWED])
@pytest.mark.parametrize("number", [1, FOLLOWED + 1, FOLLOWED + 10, 3 * FOLLOWED])
def test_a_window_that_cuts_a_long_thread_counts_what_each_of_its_attempts_would(first: int, number: int) -> None:
    later = make_rejected(issue_id="later", ts_ms=START_MS + 3000 * FOLLOWED)
    append([*a_long_thread(2 * FOLLOWED), Run(later, "api")])
    since_ms, until_ms = START_MS + 1000 * first, START_MS + 1000 * (first + number)
    within = Entry.objects.filter(ts_ms__gte=since_ms, ts_ms__lt=until_ms)
    runs = dict(within.values_list("position", "blueprint_id"))
    with connection.cursor() as cursor:
        one_by_one = intents.around(cursor, list(runs))
        together = intents.around_window(cursor, runs, since_ms, until_ms)
    assert figures(together) == figures(one_by_one)


def figures(attempts: Sequence[intents.Known]) -> dict[int, tuple[tuple[str, ...], int | None]]:
    placed = intents.placed(attempts)
    return {each.attempt.position: (each.counts, each.took_ms) for each in placed if each.attempt.is_fresh}


def test_a_run_that_ends_a_long_thread_early_parts_it() -> None:
    runs = a_long_thread(3 * FOLLOWED)
    parted = Run(make_entry(issue_id="early", ts_ms=START_MS + 1000 * FOLLOWED + 1), "api")
    append([*runs, parted])
    assert tallied() == counted([*runs, parted])


def test_after_a_run_that_very_many_axes_denied_an_intent_begins_anew() -> None:
    axes = [f"axis-{number}" for number in range(MOST_DENIED + 1)]
    record(make_rejected(*axes, issue_id="crowded", ts_ms=START_MS), make_entry(issue_id="b", ts_ms=START_MS + 1))
    assert ids(("attempt", "first")) == {"crowded", "b"}
    assert tallied()[0] == {(START_MS // DAY_MS, "main"): (2, 1, 0, 0, 0, 1, 0, 0, 0)}


def test_an_append_looks_up_single_attempts_however_long_the_log_is() -> None:
    record_all(make_many(300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as captured:
            intents.around(cursor, [299, 300])
    assert whole_tables(captured) == set()
    assert not any("BLOOM" in plan for plan in plans(captured).values())


@pytest.mark.parametrize("number", ["first", "second"])
def test_a_list_looks_up_a_run_at_a_time(number: str) -> None:
    record_all(make_many(300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        ids(("attempt", number))
    assert whole_tables(captured) <= {"entry"}
    assert not any("BLOOM" in plan for plan in plans(captured).values())


def test_verification_finds_wrong_tallies() -> None:
    record(make_rejected(issue_id="a", ts_ms=START_MS), make_entry(issue_id="b", ts_ms=START_MS + 1))
    IntentTally.objects.update(applied_second=0, applied_first=1)
    IntentTimeTally.objects.update(took_ms=1000)
    first, *others = verify()
    assert "applied_second 0" in first
    assert "applied_second 1" in first
    assert len(others) == 2
