"""What came next for a denied axis: the next attempt at the same intent, as listed, counted and tallied."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog import projections
from enhancelog.domain import filters
from enhancelog.domain.intents import APART_MS, intent_key
from enhancelog.domain.records import denials
from enhancelog.domain.times import DAY_MS, is_plausible, now_ms
from enhancelog.models import AxisTally
from enhancelog.projections import next_attempts
from enhancelog.projections.attempts import MOST_DENIED
from enhancelog.queries import entries as listed
from enhancelog.queries.patterns.of_entry import pattern_ids
from enhancelog.store.database import stored_batches
from enhancelog.store.verification import verify
from tests.factories import make_entry, make_many, make_rejected
from tests.plans import plans, whole_tables
from tests.queries.test_threads import INTENTS, START_MS, Run, append
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

Tally = TypeVar("Tally")

AXES = ("noop", "des", "agent-ref")
DETAILS = ("patch is no-op", "it restates what stands")  # of different patterns
OUTCOMES = ("applied", "same", "other", "none")
GAPS = st.sampled_from([1, 60_000, APART_MS - 1, APART_MS, APART_MS + 1])
some = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def logs(draw: st.DrawFn) -> list[Run]:
    """Runs in any order of arrival, no two at the same time."""
    runs = []
    ts_ms = START_MS
    for number in range(draw(st.integers(1, 14))):
        ts_ms += draw(GAPS)
        given: dict[str, Any] = {
            "issue_id": f"h-{number}",
            "blueprint_id": draw(st.sampled_from(["main", "main", "other"])),
            "prev_hash": draw(st.sampled_from(["9f2c", "9f2c", ""])),
            "intent": draw(INTENTS),
            "ts_ms": draw(st.sampled_from([ts_ms] * 9 + [-number])),
        }
        denied = draw(st.lists(st.sampled_from(AXES), unique=True, max_size=2))
        detail = draw(st.sampled_from(DETAILS))
        run = make_rejected(*denied, detail=detail, **given) if denied else make_entry(**given)
        runs.append(Run(run, draw(st.sampled_from(["api", "api", "host-b"]))))
    return draw(st.permutations(runs))


def next_of(runs: Sequence[Run], run: Run) -> Run | None:
    def thread(one: Run) -> tuple[str, str, str]:
        return one.entry.blueprint_id, one.source, intent_key(one.entry.intent)

    def ts_ms(one: Run) -> int:
        return one.entry.ts_ms

    if not intent_key(run.entry.intent) or not is_plausible(ts_ms(run), now_ms()):
        return None
    later = [one for one in runs if thread(one) == thread(run) and ts_ms(run) < ts_ms(one) <= ts_ms(run) + APART_MS]
    return min(later, key=ts_ms, default=None)


def came_next(runs: Sequence[Run], run: Run, axes: Sequence[str]) -> str:
    later = next_of(runs, run)
    if run.entry.status == "applied" or later is None:
        return "none"
    if later.entry.status == "applied":
        return "applied"
    return "same" if set(axes) & set(denials(later.entry)) else "other"


def tallied() -> dict[tuple[Any, ...], tuple[int, ...]]:
    rows = AxisTally.objects.values_list("day", "blueprint_id", "axis", "next_applied", "next_same", "next_other")
    return {row[:3]: row[3:] for row in rows if any(row[3:])}


def counted(runs: Sequence[Run]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    counts: dict[tuple[Any, ...], Counter[str]] = {}
    for run in runs:
        for axis in denials(run.entry):
            if (outcome := came_next(runs, run, [axis])) != "none":
                key = run.entry.ts_ms // DAY_MS, run.entry.blueprint_id, axis
                counts.setdefault(key, Counter())[outcome] += 1
    return {key: (each["applied"], each["same"], each["other"]) for key, each in counts.items()}


def ids(*pairs: tuple[str, str]) -> set[str]:
    wanted = filters.from_pairs(pairs, now_ms())
    return {row[1] for row in listed.page(wanted, "asc", 1000).rows}


@some
@given(logs(), st.sampled_from(AXES))
def test_lists_and_tallies_say_what_came_next(runs: list[Run], axis: str) -> None:
    with transaction.atomic():
        append(runs)
        denied = [run for run in runs if axis in denials(run.entry)]
        for outcome in OUTCOMES:
            assert ids(("next", outcome)) == {
                run.entry.issue_id for run in runs if came_next(runs, run, [*denials(run.entry)]) == outcome
            }
            assert ids(("axis", axis), ("next", outcome)) == {
                run.entry.issue_id for run in denied if came_next(runs, run, [axis]) == outcome
            }
        assert tallied() == counted(runs)
        assert list(verify()) == []
        transaction.set_rollback(True)


@some
@given(logs(), st.data())
def test_tallies_follow_whatever_is_dropped(runs: list[Run], data: st.DataObject) -> None:
    left, found = after_a_drop(runs, data, tallied)
    assert found == counted(left)


def after_a_drop(runs: list[Run], data: st.DataObject, tallied: Callable[[], Tally]) -> tuple[list[Run], Tally]:
    """The runs that are left of these, and the tallies of them."""
    with transaction.atomic(), connection.cursor() as cursor:
        append(runs)
        stored = [each for batch in stored_batches() for each in batch]
        gone = data.draw(st.lists(st.sampled_from(stored), min_size=1, unique_by=lambda each: each.position))
        projections.drop(cursor, gone)
        left = {each.entry.issue_id for each in stored} - {each.entry.issue_id for each in gone}
        found = tallied()
        transaction.set_rollback(True)
    return [run for run in runs if run.entry.issue_id in left], found


def test_an_append_looks_up_single_attempts_however_long_the_log_is() -> None:
    record_all(make_many(300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as captured:
            list(next_attempts.changes(cursor, [299, 300]))
    assert whole_tables(captured) == set()
    assert not any("BLOOM" in plan for plan in plans(captured).values())


def test_same_means_the_same_pattern_where_the_filter_names_one() -> None:
    record(make_rejected("noop", detail="patch is no-op", issue_id="a", ts_ms=START_MS))
    record(make_rejected("noop", detail="it restates what stands", issue_id="b", ts_ms=START_MS + 1))
    record(make_rejected("noop", detail="it restates what stands", issue_id="c", ts_ms=START_MS + 2))
    first, second = pattern_ids(1)["noop"], pattern_ids(2)["noop"]
    assert first != second
    assert ids(("axis", "noop"), ("next", "same")) == {"a", "b"}
    assert ids(("pattern", first), ("next", "other")) == {"a"}
    assert ids(("pattern", second), ("next", "same")) == {"b"}
    assert ids(("pattern", second), ("next", "none")) == {"c"}


def test_verification_finds_a_wrong_tally() -> None:
    record(make_rejected(issue_id="a", ts_ms=START_MS), make_entry(issue_id="b", ts_ms=START_MS + 1))
    AxisTally.objects.filter(axis="noop", next_applied=1).update(next_applied=0, next_other=1)
    (found,) = verify()
    assert "next_other 1" in found
    assert "next_applied 1" in found


def test_runs_that_very_many_axes_denied_have_no_next_attempt() -> None:
    axes = [f"axis-{number}" for number in range(MOST_DENIED + 1)]
    record(make_rejected(*axes, issue_id="crowded", ts_ms=START_MS), make_entry(issue_id="b", ts_ms=START_MS + 1))
    record(make_rejected(*axes[1:], issue_id="c", intent="skip", ts_ms=START_MS))
    record(make_entry(issue_id="d", intent="skip", ts_ms=START_MS + 1))
    assert ids(("status", "rejected"), ("next", "applied")) == {"c"}
    assert ids(("status", "rejected"), ("next", "none")) == {"crowded"}
    assert AxisTally.objects.aggregate(n=Sum("next_applied")) == {"n": MOST_DENIED}
