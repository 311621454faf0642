"""The funnel counts what a plain walk over the log's threads counts."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain.durations import Range, lower_bound_ms, quantile
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.projections.intents import COUNTS
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window, scale
from enhancelog.queries.funnel import Funnel, Intents, first_attempts, funnel, in_bars
from enhancelog.store.database import stored_batches
from tests.factories import make_entry, make_many, make_rejected
from tests.plans import whole_tables
from tests.projections.test_intents import Attempted, attempted
from tests.queries.test_next_attempts import logs
from tests.queries.test_threads import START_MS, Run, append
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
some = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


def plainly(found: Sequence[Attempted]) -> Intents:
    counts = Counter("first" for each in found if each.number == 1)
    for each in found:
        if each.is_last:
            counts[f"{'applied' if each.run.entry.status == 'applied' else 'given_up'}_{each.word}"] += 1
    return Intents(*(counts[name] for name in COUNTS))


def ms_taken(found: Sequence[Attempted]) -> list[int]:
    return [
        each.run.entry.ts_ms - each.began_ms for each in found if each.run.entry.status == "applied" and each.number > 1
    ]


def within(found: Sequence[Attempted], window: Window) -> list[Attempted]:
    if window.since_ms is None or window.until_ms is None:
        return [*found]
    return [
        each for each in found if window.since_ms <= each.run.entry.ts_ms < window.until_ms and each.day is not None
    ]


WINDOWS = st.one_of(
    st.just(Window()),
    st.integers(0, 30).map(lambda day: Window((START_MS // DAY_MS + day) * DAY_MS, (START_MS // DAY_MS + 40) * DAY_MS)),
    st.integers(0, 40).map(
        lambda day: Window(START_MS + day * DAY_MS, START_MS + day * DAY_MS + 72 * HOUR_MS, hourly=True)
    ),
)
SCOPES = st.sampled_from([EVERY, Named(("main",)), Named(None, ("oth",)), Named(("nobody",))])


@some
@given(logs(), WINDOWS, SCOPES)
def test_it_counts_what_is_in_the_log(runs: list[Run], window: Window, blueprints: Named) -> None:
    with transaction.atomic():
        append(runs)
        here = [each for each in within(attempted(runs), window) if blueprints.has(each.run.entry.blueprint_id)]
        found = funnel(window, blueprints)
        of_intents = plainly(here)
        assert found.total == of_intents
        assert first_attempts(window, blueprints) == (of_intents.applied_first, of_intents.first)
        names = {each.run.entry.blueprint_id for each in here}
        assert found.by_blueprint == {
            name: total
            for name in names
            if any(total := plainly([each for each in here if each.run.entry.blueprint_id == name]))
        }
        check_times(found, ms_taken(here))
        bars = scale(window, (slot for slot in found.by_slot if slot is not None))
        for bar, (intents, took) in zip(bars.bars(), in_bars(found, bars), strict=True):
            of_bar = [each for each in within(here, Window(*bar)) if each.day is not None]
            assert intents == plainly(of_bar)
            assert took.intents == len(ms_taken(of_bar))
        transaction.set_rollback(True)


@pytest.mark.parametrize("sample", ["enhancelog/demo/enhance_log.db", "tests/samples/synthetic.ndjson"])
def test_it_counts_what_is_in_a_sample(sample: str) -> None:
    call_command("import_log", str(ROOT / sample), stdout=io.StringIO(), stderr=io.StringIO())
    found = attempted([Run(each.entry, each.origin.source) for batch in stored_batches() for each in batch])
    assert funnel(Window()).total == plainly(found)
    assert plainly(found).applied_later > 0
    check_times(funnel(Window()), ms_taken(found))


def check_times(found: Funnel, taken: list[int]) -> None:
    assert found.took.intents == len(taken)
    ranks = {50: -(-len(taken) // 2), 90: -(-len(taken) * 9 // 10)}
    for percent, within in ((50, found.took.median), (90, found.took.p90)):
        if not taken:
            assert within is None
        else:
            assert within is not None
            assert within.below_ms is not None
            assert within.from_ms <= sorted(taken)[ranks[percent] - 1] < within.below_ms


def test_a_known_log() -> None:
    record(make_entry(issue_id="at once", intent="one", ts_ms=START_MS))
    record(*(make_rejected(issue_id=f"two {at}", intent="two", ts_ms=START_MS + at * 60_000) for at in range(2)))
    record(make_entry(issue_id="two", intent="two", ts_ms=START_MS + 150_000))
    record(make_rejected(issue_id="three", intent="three", ts_ms=START_MS))
    found = funnel(Window())
    assert found.total == Intents(first=3, applied_first=1, applied_third=1, given_up_first=1)
    assert (found.total.ended, found.total.applied_later, found.total.given_up_in_all) == (3, 1, 1)
    assert found.took.median == Range(120_000, 180_000)


@given(st.lists(st.integers(0, 10 * DAY_MS), min_size=1), st.sampled_from([1, 50, 90, 100]))
def test_a_quantile_lies_in_its_range(durations: list[int], percent: int) -> None:
    found = quantile(Counter(map(lower_bound_ms, durations)), percent)
    assert found is not None
    assert found.below_ms is not None
    rank = max(-(-len(durations) * percent // 100), 1)
    assert found.from_ms <= sorted(durations)[rank - 1] < found.below_ms


@pytest.mark.parametrize("hourly", [False, True])
@pytest.mark.parametrize("blueprints", [EVERY, Named(("main",))])
def test_a_fixed_number_of_statements_each_on_an_index(hourly: bool, blueprints: Named) -> None:
    newest = 1_795_000_000_000
    until = newest if hourly else newest // DAY_MS * DAY_MS
    window = Window(until - (24 * HOUR_MS if hourly else 7 * DAY_MS), until, hourly=hourly)

    def asked() -> CaptureQueriesContext:
        with CaptureQueriesContext(connection) as captured:
            funnel(window, blueprints)
        return captured

    record(make_entry(ts_ms=newest - 1000, issue_id="first"))
    few = asked()
    record_all(make_many(300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    many = asked()
    assert len(few) == len(many) <= 4
    assert whole_tables(many) == set()


def test_runs_at_no_plausible_time_are_in_no_bar() -> None:
    record(make_rejected(ts_ms=-5), make_entry(issue_id="later", ts_ms=now_ms()))
    found: Any = funnel(Window()).by_slot
    assert found[None] == Intents(first=1, given_up_first=1)
