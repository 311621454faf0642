"""When something changed: markers that follow from the log, and those that were observed or set by hand."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain.markers import Marker, MarkerEdit, NewMarker
from enhancelog.domain.observed import Seen, Settings, of_settings
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from enhancelog.models import AuditRecord, StateChange, Template
from enhancelog.queries.markers import axes, listing, observations, wordings
from enhancelog.queries.markers.listing import MOST
from enhancelog.store import markers as store
from enhancelog.store import observed, pattern_states
from enhancelog.store.database import analyze
from enhancelog.store.rebuilding import rebuild_projections
from tests import marked
from tests.factories import make_entry, make_rejected
from tests.marked import Said
from tests.plans import plans
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

FIRST_DAY = NOW_MS // DAY_MS - 40
DETAILS = ("patch is no-op", "budget of the prompt is spent", "no such agent in the flow")
ADA = Origin("user", "ada", "page")
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def the_clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)


def said(found: Iterable[Marker]) -> set[Said]:
    return {Said(each.kind, each.axis or "", each.ts_ms // DAY_MS) for each in found}


def of_days(*days: tuple[int, Sequence[str], int], **changes: Any) -> list[Entry]:
    """``days``: day, axes that judge, runs."""
    log = []
    for day, names, runs in days:
        verdicts = [{"axis": name, "status": "pass", "detail": ""} for name in names]
        for run in range(runs):
            ts_ms = (FIRST_DAY + day) * DAY_MS + run
            log.append(make_entry(issue_id=f"{changes} {day} {names} {run}", ts_ms=ts_ms, verdicts=verdicts, **changes))
    return log


def denied(*days: tuple[int, str, int], axis: str = "noop") -> list[Entry]:
    """``days``: day, the detail of its denials, and how many."""
    return [
        make_rejected(axis, detail=detail, issue_id=f"{axis} {day} {detail} {run}", ts_ms=_ms(day, detail, run))
        for day, detail, runs in days
        for run in range(runs)
    ]


def _ms(day: int, detail: str, run: int) -> int:
    return (FIRST_DAY + day) * DAY_MS + 1000 * DETAILS.index(detail) + run


SPANS = st.tuples(st.integers(0, 5), st.integers(1, 9))


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Axes that come, go and rest, and verifiers whose wording changes, in any order of arrival."""
    log = []
    spans = {name: draw(SPANS) for name in ("des", "secrets", "tone", *DETAILS)}
    for day in range(8):
        here = [name for name, (first, last) in spans.items() if first <= day <= last]
        log += of_days((day, [name for name in here if name not in DETAILS], draw(st.sampled_from([0, 5, 12, 25]))))
        log += denied(*((day, detail, draw(st.sampled_from([0, 4, 12, 21]))) for detail in DETAILS if detail in here))
    log += of_days((0, ["tone"], draw(st.integers(0, 2))), blueprint_id="other")
    odd = make_entry(issue_id="odd", ts_ms=draw(st.sampled_from([-1, 0, NOW_MS * 2])))
    random.Random(draw(st.integers(0, 99))).shuffle(log)
    return [*log, odd]


@some
@given(logs())
def test_markers_are_those_of_a_plain_count_in_any_order_and_after_a_rebuild(log: list[Entry]) -> None:
    with transaction.atomic():
        record_all(log)
        expected = marked.axes(log, NOW_MS), marked.wordings(log, NOW_MS)
        assert (said(axes.markers()), said(wordings.markers())) == expected
        ids = [marker.id for marker in listing.markers().found]
        assert len(ids) == len(set(ids)) == len(expected[0]) + len(expected[1])
        rebuild_projections()
        assert [marker.id for marker in listing.markers().found] == ids
        transaction.set_rollback(True)


@st.composite
def wordings_in_turn(draw: st.DrawFn) -> list[Entry]:
    """A detail for some days, then another, with a few of the others between."""
    log: list[Entry] = []
    day = 0
    for leading in draw(st.lists(st.sampled_from(DETAILS), min_size=2, max_size=4)):
        for _ in range(draw(st.integers(1, 3))):
            other = draw(st.sampled_from([0, 0, 0, 2]))
            counts = {detail: draw(st.sampled_from([9, 15, 22])) if detail == leading else other for detail in DETAILS}
            log += denied(*((day, detail, number) for detail, number in counts.items()))
            day += 1
    return log


@some
@given(wordings_in_turn())
def test_wordings_in_turn_change_where_a_plain_count_says_so(log: list[Entry]) -> None:
    with transaction.atomic():
        record_all(log)
        assert said(wordings.markers()) == marked.wordings(log, NOW_MS)
        transaction.set_rollback(True)


def test_an_axis_that_judged_from_the_beginning_did_not_start() -> None:
    record_all(of_days((0, ["des"], 30), (1, ["des"], 30)))
    assert not said(axes.markers())


def test_an_axis_starts_on_the_first_day_it_judges_and_stops_after_its_last() -> None:
    record_all(of_days((0, ["des"], 30), (3, ["des", "secrets"], 30), (4, ["des"], 19), (6, ["des"], 1)))
    assert said(axes.markers()) == {
        Said("axis_started", "secrets", FIRST_DAY + 3),
        Said("axis_stopped", "secrets", FIRST_DAY + 4),
    }


@pytest.mark.parametrize(
    "log",
    [
        of_days((0, ["des"], 30), (1, ["des", "licence"], 19), (2, ["des"], 30), (3, ["des"], 30)),  # too few
        of_days((0, ["des"], 19), (1, ["des", "secrets"], 30)),  # too few before
    ],
)
def test_few_runs_are_no_change(log: list[Entry]) -> None:
    record_all(log)
    assert not said(axes.markers())


def test_an_axis_of_a_blueprint_that_rests_did_not_stop() -> None:
    record_all(of_days((0, ["des", "tone"], 25), blueprint_id="resting"))
    record_all(of_days((0, ["des"], 25), (1, ["des"], 25), (2, ["des"], 25)))
    assert not said(axes.markers())


def test_a_wording_that_replaces_another_is_a_change() -> None:
    old, new, _ = DETAILS
    record_all(denied((0, old, 15), (1, old, 10), (1, new, 5), (2, new, 15), (3, new, 5)))
    (found,) = wordings.markers()
    assert (found.axis, found.ts_ms // DAY_MS) == ("noop", FIRST_DAY + 1)
    assert found.note == f"Before: {old}\nNow: {new}"


def test_patterns_that_come_and_go_are_no_change() -> None:
    first, second, third = DETAILS
    record_all(denied(*((day, detail, 8) for day in range(5) for detail in (first, second))))
    record_all(denied((2, third, 15)))  # ends, but never led
    record_all(denied((0, first, 30), (3, second, 9), axis="few"))  # too few since
    assert not said(wordings.markers())


def test_what_a_host_had_first_is_no_change_and_each_later_one_is() -> None:
    def seen(axes: tuple[str, ...], spawner: str = "one", ttl_s: int | None = 3) -> list[Seen]:
        return of_settings(Settings(id="default", axes=axes, ttl_s=ttl_s, spawner=spawner))

    assert observed.observe("host", [*seen(("des", "noop")), Seen("host_version", "", "0.32.0")]) == 4
    assert not list(observations.markers())
    observed.observe("host", seen(("noop", "secrets")))
    assert observed.observe("host", seen(("noop", "secrets"))) == 0
    observed.observe("host", [*seen(("secrets", "noop"), "two", None), Seen("host_version", "", "0.32.1")])
    observed.observe("other", [Seen("host_version", "", "0.32.9"), Seen("flow", "enhance-team", "a" * 64)])
    observed.observe("other", [Seen("flow", "enhance-team", "b" * 64)])
    assert {(marker.kind, marker.title, marker.source) for marker in observations.markers()} == {
        ("settings", "Axes switched on: secrets; switched off: des", "host"),
        ("settings", "Axes in another order", "host"),
        ("settings", "Time limit none s instead of 3 s", "host"),
        ("settings", "Flow enhance-team has another version", "other"),
        ("spawner", "Spawner two instead of one", "host"),
        ("host_version", "Host version 0.32.1 instead of 0.32.0", "host"),
    }


def test_the_newest_are_listed_and_it_says_that_there_are_more() -> None:
    for number in range(MOST + 1):
        store.make(NewMarker(title=f"{number}", ts_ms=NOW_MS + number), ADA)
    found = listing.markers()
    assert [marker.title for marker in found.found] == [f"{number}" for number in range(MOST, 0, -1)]
    assert not found.is_whole


def test_markers_set_by_hand_do_not_crowd_out_what_the_log_says() -> None:
    record_all(of_days(*((day, ["des", "secrets"] if day > 2 else ["des"], 25) for day in range(6))))
    before = [marker.title for marker in listing.markers().found]
    assert before == ["secrets started"]
    for number in range(MOST + 1):
        store.make(NewMarker(title=f"{number}", ts_ms=NOW_MS + number), ADA)
    assert [marker.title for marker in listing.markers().found if marker.kind != "manual"] == before


def test_a_marker_that_is_old_is_still_known() -> None:
    old = store.make(NewMarker(title="old", ts_ms=1_000_000_000_000), ADA)
    for number in range(MOST):
        store.make(NewMarker(title="new", ts_ms=NOW_MS + number), ADA)
    found = listing.known(old)
    assert found is not None
    assert found[0].title == "old"
    assert [listing.known(each) for each in ("0" * 16, "", "é", "0" * 15 + "\n")] == [None] * 4


def test_hiding_and_editing_are_recorded_once_each() -> None:
    marker_id = store.make(NewMarker(title="prompt v12"), ADA)
    for _ in range(2):
        store.edit(marker_id, MarkerEdit(title="prompt v13", hidden=True), ADA, lambda blueprint_id: None)
    assert [marker.hidden for marker in listing.markers().found] == [True]
    assert not listing.markers().shown
    store.edit(marker_id, MarkerEdit(hidden=False), ADA, lambda blueprint_id: None)
    (shown,) = listing.markers().shown
    assert (shown.title, shown.kind, shown.source) == ("prompt v13", "manual", "user ada")
    acts = AuditRecord.objects.filter(about="marker").order_by("position").values_list("about_id", "act", "actor_name")
    assert list(acts) == [(marker_id, f"marker.{act}", "ada") for act in ("make", "edit", "hide", "show")]
    assert [change[:3] for change in listing.changes(marker_id)][-1] == ("marker.make", "user", "ada")


def test_a_pattern_that_is_said_to_be_fixed_is_a_marker_unless_that_is_undone() -> None:
    record_all(denied((0, DETAILS[0], 1), (0, DETAILS[1], 1)))
    first, second = Template.objects.order_by("pk").values_list("key", flat=True)
    made = pattern_states.change(first, StateEdit(state="fixed", note="by v12"), ADA)
    pattern_states.change(first, StateEdit(cause="prompt"), ADA)  # it stays fixed
    undone = pattern_states.change(second, StateEdit(state="fixed"), ADA)
    pattern_states.undo(second, undone, ADA)
    (marker,) = (each for each in listing.markers().found if each.kind == "pattern_fixed")
    assert (marker.title, marker.axis, marker.source) == ("noop pattern fixed", "noop", "user ada")
    assert marker.note == f"{DETAILS[0]}\nby v12"
    assert marker.ts_ms == StateChange.objects.get(pk=made).made_ms


def test_each_statement_is_bounded() -> None:
    """Only the few named tables are read from end to end, whatever the statistics say."""
    record_all(of_days(*((day, ["des", "secrets"], 25) for day in range(12))))
    record_all(denied(*((day, DETAILS[day // 4], 12) for day in range(12))))
    analyze()
    with CaptureQueriesContext(connection) as captured:
        listing.markers()
    assert len(captured) <= 7
    grown = ("axistally", "statustally", "denial ", "entry", "denialpattern")
    for statement, plan in plans(captured).items():
        scans = [line for line in plan.splitlines() if line.strip().startswith(("SCAN", "Seq Scan", "->  Seq Scan"))]
        assert not [line for line in scans if any(f"enhancelog_{table}" in f"{line} " for table in grown)], statement
