"""Unfinished runs among the attempts at their intent."""

from typing import Any

import pytest

from enhancelog.domain.intents import APART_MS
from enhancelog.models import UnfinishedRun
from enhancelog.queries import unfinished
from enhancelog.queries.threads import thread, tries
from enhancelog.queries.unfinished_attempts import SHOWN, near, thread_of
from enhancelog.store import host_derivation, observed
from enhancelog.store.observed import Found
from enhancelog.store.rebuilding import rebuild_projections
from tests.factories import make_entry, make_rejected
from tests.host.observed import make_issue, patch_of, report
from tests.plans import plans, whole_tables
from tests.recording import record

pytestmark = pytest.mark.django_db

START_MS = 1_795_000_000_000
DETAIL = "dispatch failed: dispatcher error for ref 'patch-spawner': gone"


def logged(*hours: int) -> None:
    """Rejected runs at one intent."""
    record(*(make_rejected(issue_id=f"h-{n}", ts_ms=START_MS + n * 3_600_000) for n in hours), source="host")


def keep(*issues: Any, **found: Any) -> None:
    observed.keep("host", Found(issues=list(issues), **found))
    host_derivation.settle()


def beside(position: int = 1) -> list[str]:
    found = thread(position)
    assert found is not None
    return [run.issue_id for run in near(found).runs]


def thread_at(issue_id: str) -> list[str] | None:
    found = thread_of(unfinished.get(issue_id).run)
    return None if found is None else [attempt.listed.issue_id for attempt in found.attempts]


def in_log(*numbers: int) -> list[Any]:
    return [make_issue(number, status="rejected", detail="verifier deny: noop") for number in numbers]


def test_runs_of_a_host_stand_between_the_attempts_and_count_as_none() -> None:
    logged(1, 4)
    keep(*in_log(1, 4), make_issue(2, detail=DETAIL), make_issue(3, status="pending"), make_issue(5, detail=DETAIL))
    assert beside(1) == beside(2) == ["h-2", "h-3", "h-5"]
    assert [str(place.of) for place in tries([1, 2]).values()] == ["2", "2"]
    assert thread_at("h-2") == thread_at("h-5") == ["h-1", "h-4"]


def test_other_intents_blueprints_and_sources_are_left_out() -> None:
    logged(1, 4)
    keep(
        *in_log(1, 4),
        make_issue(2, detail=DETAIL, intent="another intent"),
        make_issue(3, detail=DETAIL, blueprint_id="other"),
        make_issue(5, detail=DETAIL, intent="again: Writer should cite the file, and LINE"),
        make_issue(6, detail=DETAIL, intent="?!"),
    )
    report("reported", ts_ms=START_MS + 1, intent="writer should cite the file and line")
    assert beside() == ["h-5"]
    assert thread_at("h-6") is None
    assert thread_at("h-2") is None


def test_a_run_before_the_first_in_the_log_comes_before_it() -> None:
    logged(4)
    keep(make_issue(1, detail=DETAIL), *in_log(4))
    assert beside() == ["h-1"]
    assert thread_at("h-1") == ["h-4"]


def test_a_run_after_the_applied_one_begins_another_thread() -> None:
    record(make_entry(issue_id="h-1", ts_ms=START_MS), source="host")
    keep(*in_log(1), make_issue(2, detail=DETAIL))
    assert beside() == []
    assert thread_at("h-2") is None
    logged(3)
    keep(*in_log(1), make_issue(2, detail=DETAIL), *in_log(3))
    assert (beside(1), beside(2)) == ([], ["h-2"])
    assert thread_at("h-2") == ["h-3"]


def test_a_run_with_an_exact_time_stands_there() -> None:
    logged(1, 4)
    exact = patch_of(make_entry(ts_ms=START_MS + 2 * 3_600_000), seq=9)
    died = make_issue(2, detail="dispatch failed: dispatcher error for ref 'committer': gone")
    keep(*in_log(1), died, *in_log(4), patches=[exact])
    assert unfinished.get("h-2").run.ts_ms == exact.ts_ms
    assert beside() == ["h-2"]


def test_reported_runs_stand_at_their_time_or_where_they_were_first_seen() -> None:
    record(make_rejected(issue_id="a", ts_ms=START_MS))
    intent = make_rejected().intent
    report("near", ts_ms=START_MS + APART_MS, intent=intent)
    report("far", ts_ms=START_MS + APART_MS + 1, intent=intent)
    report("between", not_before_ms=START_MS + 5, not_after_ms=START_MS + 9, intent=intent)
    report("resolved", status="resolved", ts_ms=START_MS + 1, intent=intent)
    report("moved", ts_ms=START_MS + 1, intent="another intent")
    report("moved", ts_ms=START_MS + 1, intent=intent)
    assert beside() == ["moved", "between", "near"]
    assert thread_at("far") is None
    assert thread_at("near") == ["a"]


def test_a_run_whose_entry_came_is_left_out() -> None:
    record(make_rejected(issue_id="a", ts_ms=START_MS))
    report("b", ts_ms=START_MS + 1, intent=make_rejected().intent)
    assert beside() == ["b"]
    record(make_rejected(issue_id="b", ts_ms=START_MS + 1))
    host_derivation.settle()
    assert beside() == []


@pytest.mark.parametrize("ts_ms", [-(2**63), 0, 2**63 - 1])
def test_a_run_at_no_plausible_time_has_no_thread(ts_ms: int) -> None:
    record(make_rejected(issue_id="a", ts_ms=START_MS))
    report("absurd", ts_ms=ts_ms, intent=make_rejected().intent)
    assert thread_at("absurd") is None
    assert beside() == []


def test_a_rebuild_finds_reported_and_derived_runs_again() -> None:
    logged(1)
    keep(*in_log(1), make_issue(2, detail=DETAIL))
    report("h-3", source="host", ts_ms=START_MS + 3_600_001, intent=make_rejected().intent)
    UnfinishedRun.objects.update(intent_key=7)
    assert beside() == []
    rebuild_projections()
    assert beside() == ["h-2", "h-3"]


def test_of_many_the_newest_are_shown() -> None:
    record(make_rejected(issue_id="a", ts_ms=START_MS))
    for number in range(SHOWN + 2):
        report(f"u-{number}", ts_ms=START_MS + number, intent=make_rejected().intent)
    found = thread(1)
    assert found is not None
    assert near(found).has_more
    assert beside() == [f"u-{number}" for number in range(2, SHOWN + 2)]


def test_an_index_leads_to_them(django_assert_num_queries: Any) -> None:
    record(make_rejected(issue_id="a", ts_ms=START_MS))
    found = thread(1)
    assert found is not None
    with django_assert_num_queries(1) as asked:
        near(found)
    (shown,) = plans(asked).values()
    assert "unfinished_run_intent" in shown
    assert whole_tables(asked) == set()
