"""What was different after a marker: the same length of time on both sides, counted as over the exported log."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain.intents import APART_MS
from enhancelog.domain.intervals import difference
from enhancelog.domain.markers import Marker, NewMarker
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry, denials
from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.models import UnfinishedRun
from enhancelog.queries.charts import Window
from enhancelog.queries.markers import comparison, listing
from enhancelog.queries.markers.comparison import Change, Comparison
from enhancelog.queries.markers.windows import windows
from enhancelog.store import markers as store
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

TODAY = NOW_MS // DAY_MS
MIDNIGHT = (TODAY - 10) * DAY_MS
NOON = MIDNIGHT + DAY_MS // 2
ADA = Origin("user", "ada", "page")
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def the_clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)


def length_ms(side: Window) -> int:
    return (side.until_ms or 0) - (side.since_ms or 0)


def marker(ts_ms: int, **said: Any) -> Marker:
    given: dict[str, Any] = {"id": f"{ts_ms:016x}", "kind": "manual", "title": "a", "note": "", "source": "user ada"}
    return Marker(**given | said, ts_ms=ts_ms)


def bounds(ts_ms: int, *others: Marker) -> tuple[int, ...] | None:
    found = windows(marker(ts_ms), others, NOW_MS, NOW_MS)
    if found is None:
        return None
    assert length_ms(found.after) == length_ms(found.before)
    days = (found.before.since_ms, found.before.until_ms, found.after.since_ms, found.after.until_ms)
    assert found.before.hourly == any(bound % DAY_MS for bound in days if bound is not None)
    return tuple((bound or 0) - MIDNIGHT for bound in days)


@pytest.fixture
def a_log_of_twenty_days() -> None:
    record(make_entry(issue_id="first", ts_ms=(TODAY - 20) * DAY_MS + 5), make_entry(issue_id="last", ts_ms=NOW_MS))


@pytest.mark.usefixtures("a_log_of_twenty_days")
@pytest.mark.parametrize(
    ("at", "others", "expected"),
    [
        (MIDNIGHT, (), (-10, 0, 0, 10)),  # up to the beginning, and to the last whole day
        (MIDNIGHT, (marker(MIDNIGHT - 3 * DAY_MS + 1),), (-2, 0, 0, 2)),
        (MIDNIGHT, (marker(MIDNIGHT + 4 * DAY_MS + 9),), (-4, 0, 0, 4)),
        (NOON, (), (-9, 0, 1, 10)),  # its own day is left out
        (NOON, (marker(NOON - 2 * DAY_MS),), (-1.5, 0.5, 0.5, 2.5)),  # too short for whole days
        (NOON, (marker(NOON + 1), marker(NOON - 1)), (-9, 0, 1, 10)),  # of the same day
        (
            MIDNIGHT,
            (marker(MIDNIGHT - DAY_MS, hidden=True), marker(MIDNIGHT + DAY_MS, blueprint_id="b")),
            (-10, 0, 0, 10),
        ),
    ],
)
def test_both_sides_are_equally_long(at: int, others: Sequence[Marker], expected: tuple[float, ...]) -> None:
    assert bounds(at, *others) == tuple(day * DAY_MS for day in expected)


@pytest.mark.usefixtures("a_log_of_twenty_days")
def test_a_marker_of_a_blueprint_has_neighbors_of_its_own_and_of_all() -> None:
    own = marker(MIDNIGHT, blueprint_id="b")
    others = [marker(MIDNIGHT - 2 * DAY_MS, blueprint_id="b"), marker(MIDNIGHT + 3 * DAY_MS)]
    found = windows(own, others, NOW_MS, NOW_MS)
    assert found is not None
    assert (found.previous, found.following) == tuple(others)
    assert length_ms(found.after) == 2 * DAY_MS


@pytest.mark.usefixtures("a_log_of_twenty_days")
@pytest.mark.parametrize("at", [0, (TODAY - 20) * DAY_MS, NOW_MS + 1, NOW_MS + DAY_MS])
def test_without_time_on_one_side_nothing_is_compared(at: int) -> None:
    assert bounds(at) is None


def test_an_empty_log_has_nothing_to_compare() -> None:
    assert windows(marker(MIDNIGHT), (), None, NOW_MS) is None


@pytest.mark.parametrize(
    ("after", "before", "good", "effect"),
    [
        ((5, 100), (40, 100), "fewer", "better"),
        ((40, 100), (5, 100), "fewer", "worse"),
        ((40, 100), (5, 100), "more", "better"),
        ((5, 100), (40, 100), "more", "worse"),
        ((39, 100), (40, 100), "fewer", "unclear"),
        ((0, 19), (19, 19), "fewer", "too_few"),  # few runs, whatever their interval
        ((0, 0), (20, 20), "fewer", "too_few"),
    ],
)
def test_the_interval_of_the_difference_decides(
    after: tuple[int, int], before: tuple[int, int], good: Any, effect: str
) -> None:
    change = Change(*after, *before, good)
    assert change.effect == effect
    assert change.interval == difference(*after, *before)


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Runs of six days around a marker, no two at one time."""
    log = []
    for number in range(draw(st.integers(2, 25))):
        axes = draw(st.lists(st.sampled_from(["noop", "tone", "size"]), unique=True, max_size=2))
        common: dict[str, Any] = {
            "issue_id": f"h-{number}",
            "ts_ms": MIDNIGHT + draw(st.integers(-72, 71)) * HOUR_MS + number,
            "blueprint_id": draw(st.sampled_from(["main", "other"])),
            "intent": draw(st.sampled_from(["cite", "shorten", "again: cite"])),
        }
        log.append(make_rejected(*axes, detail=axes[0], **common) if axes else make_entry(**common))
    return log


def within(log: Sequence[Entry], window: Window, blueprint_id: str | None) -> list[Entry]:
    return [
        entry
        for entry in log
        if (window.since_ms or 0) <= entry.ts_ms < (window.until_ms or 0) and blueprint_id in (None, entry.blueprint_id)
    ]


def firsts(log: Sequence[Entry], some: Sequence[Entry]) -> tuple[int, int]:
    def thread(entry: Entry) -> tuple[str, str]:
        return entry.blueprint_id, entry.intent.removeprefix("again: ")

    def is_first(entry: Entry) -> bool:
        earlier = [each for each in log if thread(each) == thread(entry) and each.ts_ms < entry.ts_ms]
        last = max(earlier, key=lambda each: each.ts_ms, default=None)
        return last is None or last.status == "applied" or last.ts_ms < entry.ts_ms - APART_MS

    found = [entry for entry in some if is_first(entry)]
    return sum(entry.status == "applied" for entry in found), len(found)


def check(found: Comparison, log: Sequence[Entry], blueprint_id: str | None) -> None:
    after, before = (within(log, each, blueprint_id) for each in (found.windows.after, found.windows.before))

    def both(is_part: Any, is_whole: Any = lambda entry: True) -> tuple[int, ...]:
        sides = ([entry for entry in side if is_whole(entry)] for side in (after, before))
        return tuple(number for side in sides for number in (sum(map(bool, map(is_part, side))), len(side)))

    def is_rejected(entry: Entry) -> bool:
        return entry.status == "rejected"

    assert found.rejected[:4] == both(is_rejected)
    assert found.first_applied[:4] == (*firsts(log, after), *firsts(log, before))
    assert found.unfinished[:4] == (0, len(after), 0, len(before))
    axes = {verdict.axis for entry in (*after, *before) for verdict in entry.verdicts}
    assert {each.axis: each.change[:4] for each in found.axes} == {
        axis: both(
            lambda entry, axis=axis: is_rejected(entry) and axis in denials(entry),
            lambda entry, axis=axis: axis in {verdict.axis for verdict in entry.verdicts},
        )
        for axis in axes
    }
    assert {each.blueprint_id: each.change[:4] for each in found.blueprints} == {
        name: both(is_rejected, lambda entry, name=name: entry.blueprint_id == name)
        for name in {entry.blueprint_id for entry in (*after, *before)}
    }


@some
@given(log=logs(), blueprint_id=st.sampled_from([None, "main"]), hours=st.sampled_from([0, 5]))
def test_a_comparison_is_a_plain_count(log: list[Entry], blueprint_id: str | None, hours: int) -> None:
    with transaction.atomic():
        record_all(log)
        made = store.make(NewMarker(title="a", ts_ms=MIDNIGHT + hours * HOUR_MS, blueprint_id=blueprint_id), ADA)
        known = listing.known(made)
        assert known is not None
        found = comparison.around(*known, NOW_MS)
        if found is not None:
            check(found, log, blueprint_id)
        transaction.set_rollback(True)


def runs(day: int, number: int, *axes: str, detail: str = "patch is no-op", **changes: Any) -> list[Entry]:
    found = []
    for at in range(number):
        common = {"issue_id": f"{day} {axes} {detail} {changes} {at}", "ts_ms": MIDNIGHT + day * DAY_MS + at} | changes
        found.append(make_rejected(*axes, detail=detail, **common) if axes else make_entry(**common))
    return found


def compared(**said: Any) -> Comparison:
    made = store.make(NewMarker(title="a", ts_ms=MIDNIGHT, **said), ADA)
    known = listing.known(made)
    assert known is not None
    found = comparison.around(*known, NOW_MS)
    assert found is not None
    return found


def test_patterns_that_are_gone_and_that_are_new() -> None:
    record_all(runs(-1, 3, "noop", detail="patch is no-op") + runs(-1, 2, "tone", detail="too rude by far"))
    record_all(
        runs(0, 4, "size", detail="budget of the prompt is spent") + runs(0, 1, "tone", detail="too rude by far")
    )
    found = compared()
    gone, new = ([(each.leader.axis, each.rejected) for each in patterns.found] for patterns in (found.gone, found.new))
    assert (gone, new) == ([("noop", 3)], [("size", 4)])


def test_a_pattern_that_denied_again_later_is_not_gone() -> None:
    record_all(runs(-1, 3, "noop") + runs(0, 4) + runs(3, 1, "noop"))
    found = compared()
    assert length_ms(found.windows.after) == DAY_MS
    assert not found.gone.found


def test_it_says_when_the_mix_of_blueprints_changed() -> None:
    record_all(runs(-1, 40) + runs(0, 40))
    assert not compared().mix_changed
    record_all(runs(0, 40, blueprint_id="other"))
    assert compared().mix_changed
    assert not compared(blueprint_id="main").mix_changed


def test_unfinished_runs_count_where_their_time_is_known() -> None:
    record_all(runs(-1, 2) + runs(0, 3))
    times = ((MIDNIGHT - 5, None, None), (None, MIDNIGHT + 1, MIDNIGHT + 9), (None, MIDNIGHT - 1, MIDNIGHT + 1))
    for number, (ts_ms, not_before_ms, not_after_ms) in enumerate(times):
        UnfinishedRun.objects.create(
            source="host",
            issue_id=f"u-{number}",
            blueprint_id="main",
            intent="",
            reason="",
            status="died",
            ts_ms=ts_ms,
            not_before_ms=not_before_ms,
            not_after_ms=not_after_ms,
            reported_by="",
            recorded_ms=NOW_MS,
        )
    assert compared().unfinished[:4] == (1, 4, 1, 3)
