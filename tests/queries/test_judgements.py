"""Hourly windows, which read runs, count what the tallies of the same days count, and read each run once."""

from collections import Counter
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.times import DAY_MS
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window
from enhancelog.queries.hourly_runs import hourly_runs
from enhancelog.queries.judgements import Judgements, judgements
from tests.factories import make_many, make_rejected
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

END = 1_795_000_000_000 // DAY_MS * DAY_MS
DAYS = Window(END - 20 * DAY_MS, END, END - 40 * DAY_MS)
HOURS = replace(DAYS, hourly=True)


@pytest.mark.parametrize("blueprints", [EVERY, Named(("main", "")), Named(None, ("ops/",)), Named(("nobody",))])
def test_hours_count_what_the_tallies_of_their_days_count(blueprints: Named) -> None:
    record_all(make_many(400))
    record(make_rejected("noop", issue_id="tried", intent="try", ts_ms=END - DAY_MS, blueprint_id="main"))
    record(make_rejected("noop", issue_id="again", intent="try", ts_ms=END - 1, blueprint_id="main"))
    hours, days = judgements(HOURS, blueprints), judgements(DAYS, blueprints)
    assert hours.sums("blueprint_id", "axis") == days.sums("blueprint_id", "axis")
    assert hours.sums("axis", blueprint_id=["main"]) == days.sums("axis", blueprint_id=["main"])
    assert hours.denials("blueprint_id", "axis") == days.denials("blueprint_id", "axis")
    assert hours.denials("axis", axis=["noop"]) == days.denials("axis", axis=["noop"])
    assert joint(hours) == joint(days)
    assert hours.runs()[:2] == days.runs()[:2]
    assert hours.runs_by_blueprint() == days.runs_by_blueprint()


def test_runs_of_many_axes_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    record_all(make_many(100))
    of_all = hourly_runs(HOURS, EVERY)
    monkeypatch.setattr("enhancelog.queries.hourly_runs._SHORT", 0)
    monkeypatch.setattr("enhancelog.queries.hourly_runs._MOST_AXES", 3)
    assert hourly_runs(HOURS, EVERY) == of_all
    assert of_all.joint


def joint(found: Judgements) -> Counter[tuple[str, frozenset[str]]]:
    return Counter({(name, frozenset(each.axes)): each.runs for name, each in found.together_by_blueprint()})


def test_slots_are_hours_also_where_the_window_begins_within_one() -> None:
    at = END - DAY_MS
    record_all(make_rejected(issue_id=f"h-{minutes}", ts_ms=at + minutes * 60_000) for minutes in (29, 30, 59, 60))
    found = judgements(Window(at + 30 * 60_000, END, at, hourly=True))
    hour = at // (60 * 60_000)
    assert {slot: here.rejected for slot, here in found.runs().by_slot.items()} == {hour: 2, hour + 1: 1}
    assert {slot: here.rejected for (slot,), here in found.sums("slot", axis=["noop"]).items()} == {
        hour: 2,
        hour + 1: 1,
    }
    assert found.runs().before.rejected == 1


def test_an_hourly_window_is_read_once_for_all_figures() -> None:
    record_all(make_many(100))
    with CaptureQueriesContext(connection) as captured:
        found = judgements(HOURS)
        found.runs_by_blueprint()
        found.sums("slot", "axis")
        found.sums("blueprint_id", "axis")
        list(found.together())
        assert len(captured) == 1
        found.runs()
        found.denials("axis")
        found.denials("blueprint_id")
    assert len(captured) == 3  # with the window before, and what came next
