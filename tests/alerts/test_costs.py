"""What the evaluator reads: short ranges of the log, however large it is and however rare what a rule watches."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.alerts import adding, evaluator
from enhancelog.domain.filters import EntryFilter, from_pairs
from enhancelog.domain.times import now_ms
from enhancelog.models import AlertProgress, Delivery
from enhancelog.queries import arrivals
from enhancelog.store import database
from tests.alerts.making import evaluate, make_rule, staff
from tests.factories import make_many, make_rejected
from tests.plans import plans, whole_tables
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

VIEWS = (
    "/rejections/?axis=noop",
    "/rejections/?axis=tone&blueprint_id=main",
    "/search/?blueprint_id=main&source=api",
    "/search/?not_axis=noop&blueprint_prefix=m",
    "/search/?meta.team=a",
    "/search/?since=2026-01-01&status=rejected",
    "/search/?has=gap",
)


def rule_of_each_view() -> None:
    make_rule("entry.rejected")
    for view in VIEWS:
        make_rule("entry.rejected", view)
        make_rule("pattern.new", view)
    make_rule("pattern.returned")
    make_rule("run.unfinished")
    make_rule("mention")


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_step_reads_no_table_from_end_to_end(analyzed: bool) -> None:
    record_all(make_many(200))
    rule_of_each_view()
    evaluate()
    record(make_rejected(issue_id="new", detail="quite another reason", ts_ms=now_ms()))
    if analyzed:
        database.analyze()
    with CaptureQueriesContext(connection) as captured:
        evaluator.step()
    planned: Any = SimpleNamespace(captured_queries=[each for each in captured if "SAVEPOINT" not in each["sql"]])
    assert whole_tables(planned) <= {"alert", "alertprogress", "savedview", "patternaxis", "schema"}


@pytest.mark.once
@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("view", VIEWS)
def test_the_range_of_positions_leads(view: str, analyzed: bool) -> None:
    record_all(make_many(200))
    if analyzed:
        database.analyze()
    wanted = of(view)
    with CaptureQueriesContext(connection) as captured:
        arrivals.matching([wanted], 190, 200)
    (plan,) = plans(captured).values()
    first = plan.splitlines()[0]
    assert "INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in first, plan


def of(view: str) -> EntryFilter:
    pairs = [tuple(pair.split("=")) for pair in view.partition("?")[2].split("&")]
    return from_pairs(pairs, now_ms())  # type: ignore[arg-type]


def test_the_number_of_statements_depends_on_views_and_not_on_rules() -> None:
    def statements() -> int:
        record(make_rejected(issue_id=f"h-{now_ms()}-{len(made)}", ts_ms=now_ms()))
        made.append(1)
        with CaptureQueriesContext(connection) as captured:
            evaluator.step()
        return len(captured)

    made: list[Any] = []
    view = "/rejections/?axis=noop"
    for event in ("entry.rejected", "pattern.new", "pattern.returned", "mention", "run.unfinished"):
        make_rule(event, view if event == "entry.rejected" else "")
    evaluate()
    few = statements()
    for number in range(45):
        make_rule("entry.rejected", view, staff(f"user {number}"))
    evaluate()
    assert statements() <= few + 2
    assert few <= 40


def test_many_rules_of_rates_read_as_many_entries_in_a_step_as_one() -> None:
    for number in range(10):
        make_rule("rate.high", "", staff(f"user {number}"), options={"runs": 20, "percent": 50})
    record_all(make_many(120))
    with patch.object(evaluator, "MOST_MESSAGES", 10):
        evaluator.step(now_ms(), 100)
    assert AlertProgress.objects.get().window_position == 100


def test_rules_that_are_told_all_they_can_be_do_not_shorten_a_step() -> None:
    for number in range(10):
        make_rule("entry.rejected", "", staff(f"user {number}"))
    record_all(make_rejected("noop", issue_id=f"h-{number}") for number in range(500))
    with patch.object(evaluator, "MOST_MESSAGES", 500), patch.object(adding, "MOST_NEW", 40):
        evaluator.step(now_ms(), 400)
        assert AlertProgress.objects.get().log_position == 50
        evaluator.step(now_ms(), 400)
        assert AlertProgress.objects.get().log_position == 450


def test_a_silence_is_looked_for_when_it_can_be_there() -> None:
    make_rule("runs.silent", options={"hours": 2})
    record_all(make_many(1))
    now = now_ms()
    with patch.object(arrivals, "runs_before", wraps=arrivals.runs_before) as looked:
        for minutes in (1, 5, 60, 119):
            evaluate(now=now + minutes * 60_000)
        assert looked.call_count == 1
        evaluate(now=now + 121 * 60_000)
        assert looked.call_count == 2
        assert Delivery.objects.count() == 1
        evaluate(now=now + 123 * 60_000)
        assert looked.call_count == 3
        evaluate(now=now + 125 * 60_000)
        assert looked.call_count == 3
        evaluate(now=now + 135 * 60_000)
        assert looked.call_count == 4
    assert Delivery.objects.count() == 1
