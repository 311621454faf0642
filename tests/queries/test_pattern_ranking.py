"""Which patterns deny most in a window: numbers, places, days, what is new; on both databases."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.times import DAY_MS
from enhancelog.queries.charts import Window
from enhancelog.queries.patterns.ranking import SPARK_DAYS, Numbers, Place, ranked
from tests.factories import make_entry, make_rejected
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

TODAY = NOW_MS // DAY_MS * DAY_MS
WEEK = Window(TODAY - 6 * DAY_MS, TODAY + DAY_MS, TODAY - 13 * DAY_MS)


@pytest.fixture(autouse=True)
def clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)


def record_some() -> None:
    record_all(
        [
            make_rejected("noop", issue_id="1", detail="grew by 3 %", ts_ms=TODAY - 13 * DAY_MS),
            make_rejected("noop", issue_id="2", detail="grew by 4 %", ts_ms=TODAY, blueprint_id="triage"),
            make_rejected("noop", issue_id="3", detail="grew by 5 %", ts_ms=TODAY + 1, blueprint_id="triage"),
            make_rejected("noop", issue_id="4", detail="grew by 6 %", ts_ms=TODAY - DAY_MS),
            make_rejected("tone", issue_id="5", detail="rude", ts_ms=TODAY - 2 * DAY_MS),
            make_rejected("tone", issue_id="6", detail="too long ago", ts_ms=TODAY - 30 * DAY_MS),
            make_rejected("tone", issue_id="7", detail="rude", ts_ms=NOW_MS * 3),
            make_entry(
                issue_id="8",
                ts_ms=TODAY,
                verdicts=[{"axis": "noop", "status": "deny", "detail": "grew by 7 %"}],
            ),
        ]
    )


def test_patterns_rank_by_rejections_with_the_window_before_beside_them() -> None:
    record_some()
    found = ranked(WEEK, TODAY + DAY_MS, 10)
    grew, rude = found.rows
    assert (grew.axis, grew.template, grew.numbers) == ("noop", "grew by ⟨n⟩ %", Numbers(3, 1))
    assert grew.place == Place("triage", 2)
    assert grew.days == [0] * 7 + [1] + [0] * 11 + [1, 2]
    assert len(grew.days) == SPARK_DAYS
    assert (grew.first_ms, grew.last_ms) == (TODAY - 13 * DAY_MS, TODAY + 1)
    assert not grew.is_new
    assert (rude.axis, rude.template, rude.numbers, rude.is_new) == ("tone", "rude", Numbers(1), True)
    assert (rude.first_ms, rude.last_ms) == (TODAY - 2 * DAY_MS, TODAY - 2 * DAY_MS)
    assert found.left_out == 0


def test_a_pattern_s_place_is_the_blueprint_with_most_rejections_by_it_or_the_first_by_name() -> None:
    ran = ["main", "triage", "triage", "early", "early", "a"]
    record_all(
        make_rejected("noop", issue_id=str(number), ts_ms=TODAY, blueprint_id=name) for number, name in enumerate(ran)
    )
    record_all([make_rejected("tone", issue_id="b", ts_ms=TODAY, blueprint_id="b")])
    assert {row.axis: row.place for row in ranked(WEEK, TODAY + DAY_MS, 10).rows} == {
        "noop": Place("early", 2),
        "tone": Place("b", 1),
    }


def test_a_window_without_bounds_counts_what_has_no_time_and_calls_nothing_new() -> None:
    record_some()
    found = ranked(Window(), TODAY + DAY_MS, 1)
    assert found.left_out == 2
    (rude,) = [row for row in ranked(Window(), TODAY + DAY_MS, 9).rows if row.template == "rude"]
    assert (rude.numbers, rude.is_new) == (Numbers(2), False)


def test_an_hourly_window_is_counted_to_the_millisecond() -> None:
    record_some()
    window = Window(TODAY - DAY_MS + 1, TODAY + 1, TODAY - 2 * DAY_MS + 1, hourly=True)
    found = ranked(window, TODAY + DAY_MS, 10)
    assert [(row.template, row.numbers) for row in found.rows] == [("grew by ⟨n⟩ %", Numbers(1, 1))]


def test_the_number_of_queries_does_not_grow_with_the_patterns() -> None:
    record_all(make_rejected(f"axis-{number}", issue_id=f"w{number}", ts_ms=TODAY) for number in range(30))
    with CaptureQueriesContext(connection) as queries:
        assert len(ranked(WEEK, TODAY + DAY_MS, 10).rows) == 10
    assert len(queries) == 6
