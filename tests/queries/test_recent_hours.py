"""What is read about the last hours does not grow with what happened before."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from enhancelog.domain import filters
from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.queries import counts, funnel, judgements, runs
from enhancelog.queries.charts import Window
from enhancelog.queries.patterns import ranking
from enhancelog.store.database import analyze, last_position
from tests.factories import make_entry, make_rejected
from tests.plans import steps
from tests.recording import record

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the steps of SQLite's virtual machine"),
]

NOW = 20_700 * DAY_MS
WINDOW = Window(NOW - 24 * HOUR_MS, NOW, NOW - 48 * HOUR_MS, hourly=True)
EARLIER = 500


@pytest.mark.parametrize(
    "read",
    [
        lambda: runs.compared(WINDOW),
        lambda: runs.by_blueprint(WINDOW),
        lambda: runs.compared_by_blueprint(WINDOW),
        lambda: judgements.judgements(WINDOW).runs(),
        lambda: judgements.judgements(WINDOW).sums("axis"),
        lambda: judgements.judgements(WINDOW).denials("axis"),
        lambda: funnel.funnel(WINDOW),
        lambda: ranking.numbers(WINDOW),
        lambda: ranking.ranked(WINDOW, NOW, 10),
        lambda: counts.count(_wanted(), last_position()),
    ],
)
def test_earlier_entries_are_not_read(read: Callable[[], object]) -> None:
    for hours in range(1, 40, 3):
        record(make_rejected(issue_id=f"h-{hours}", ts_ms=NOW - hours * HOUR_MS))
    analyze()
    before = steps(read)
    record(*(make_entry(issue_id=f"old-{number}", ts_ms=NOW - 90 * DAY_MS + number) for number in range(EARLIER)))
    analyze()
    assert steps(read) < before + EARLIER


def test_patterns_are_read_from_rejected_runs_alone() -> None:
    record(make_rejected(issue_id="rejected", ts_ms=NOW - HOUR_MS))
    analyze()
    before = steps(lambda: ranking.ranked(WINDOW, NOW, 10))
    record(*(make_entry(issue_id=f"applied-{number}", ts_ms=NOW - number - 1) for number in range(EARLIER)))
    analyze()
    assert steps(lambda: ranking.ranked(WINDOW, NOW, 10)) < before + EARLIER


def test_the_page_of_patterns_reads_no_applied_runs_of_the_window_before(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW)
    record(make_rejected(issue_id="rejected", ts_ms=NOW - HOUR_MS))
    analyze()
    before = steps(lambda: client.get("/patterns/?period=24h"))
    record(*(make_entry(issue_id=f"applied-{number}", ts_ms=NOW - 30 * HOUR_MS - number) for number in range(EARLIER)))
    analyze()
    assert steps(lambda: client.get("/patterns/?period=24h")) < before + EARLIER


def _wanted() -> filters.EntryFilter:
    return filters.from_pairs([("text", "x"), ("since", str(WINDOW.since_ms)), ("until", str(WINDOW.until_ms))], NOW)
