"""Each event is told once, at the entry that causes it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.alerts import evaluator, rules
from enhancelog.alerts.log_events import Range
from enhancelog.alerts.stuck import Tried
from enhancelog.domain.alerts import AlertEdit
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.models import Alert, AlertProgress, Delivery, SavedView, Template
from enhancelog.store import audit, pattern_states
from enhancelog.store.unfinished_reports import keep_report
from tests.alerts.making import evaluate, make_rule, staff, told
from tests.audited import audited
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")


def rejected(number: int, *axes: str, detail: str = "patch is no-op", **changes: Any) -> Entry:
    return make_rejected(*axes, issue_id=f"h-{number}", detail=detail, **{"ts_ms": now_ms()} | changes)


def applied(number: int, **changes: Any) -> Entry:
    return make_entry(issue_id=f"h-{number}", **{"ts_ms": now_ms()} | changes)


def ids() -> list[str]:
    return sorted(each["issue_id"] for each in told())


def test_without_rules_there_is_nothing_to_do() -> None:
    record(rejected(1))
    assert not evaluator.step()
    assert not AlertProgress.objects.exists()


def test_each_rejected_entry_is_told_once() -> None:
    record(rejected(1))
    make_rule("entry.rejected")
    record(rejected(2), applied(3), rejected(4, "noop", "des"))
    evaluate()
    evaluate()
    assert ids() == ["h-2", "h-4"]
    (last,) = (each for each in told() if each["issue_id"] == "h-4")
    assert (last["blueprint_id"], last["axes"]) == ("main", ["noop", "des"])
    assert last["url"].endswith("/entries/h-4")
    assert last["url"].startswith("http")
    assert {(row.state, row.attempts, row.folds, row.event) for row in Delivery.objects.all()} == {
        ("waiting", 0, None, "entry.rejected")
    }


@pytest.mark.parametrize(
    ("view", "found"),
    [
        ("/rejections/?axis=noop", ["h-1", "h-3"]),
        ("/rejections/?axis=noop&blueprint_id=main", ["h-1"]),
        ("/search/?blueprint_id=other", ["h-3"]),
        ("/blueprints/main", ["h-1", "h-2"]),
        ("/search/?not_blueprint_id=main&status=rejected", ["h-3"]),
        ("/search/?blueprint_prefix=ot", ["h-3"]),
        ("/search/?source=elsewhere", []),
        ("/search/?meta.team=a", ["h-3"]),
        ("/search/?period=7d", ["h-1", "h-2"]),
        ("/search/?phrase=shorter", ["h-2"]),
    ],
)
def test_a_rule_over_a_view_tells_what_the_view_shows(view: str, found: list[str]) -> None:
    make_rule("entry.rejected", view)
    record(
        rejected(1),
        rejected(2, "tone", intent="make it shorter"),
        rejected(3, blueprint_id="other", ts_ms=now_ms() - 30 * DAY_MS, meta={"team": "a"}),
        applied(4),
    )
    evaluate()
    assert sorted(ids()) == found


def test_a_pattern_is_new_at_its_first_denial() -> None:
    record(rejected(1))
    make_rule("pattern.new")
    make_rule("pattern.new", "/rejections/?blueprint_id=other")
    record(rejected(2), rejected(3, detail="id is missing"), rejected(4, detail="id is missing", blueprint_id="other"))
    evaluate()
    (found,) = told()
    assert (found["issue_id"], found["axis"], found["template"]) == ("h-3", "noop", "id is missing")
    assert found["pattern"] == Template.objects.get(text="id is missing").key


def test_a_view_of_a_pattern_waits_until_patterns_are_derived() -> None:
    record(rejected(1))
    key = Template.objects.get(axis="noop").key
    make_rule("entry.rejected", f"/rejections/?pattern={key}")
    record(rejected(2), rejected(3, detail="id is missing"))
    evaluate()
    assert ids() == ["h-2"]


def test_a_fixed_pattern_returns_once_for_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    record(rejected(1, ts_ms=now_ms() - HOUR_MS))
    key = Template.objects.get(axis="noop").key
    make_rule("pattern.returned")
    first = pattern_states.change(key, StateEdit(state="fixed", note="prompt v12"), ADA)
    record(rejected(2, ts_ms=now_ms() - HOUR_MS))  # started before
    record(rejected(3, ts_ms=now_ms() + 1_000), rejected(4, ts_ms=now_ms() + 2_000))
    evaluate()
    record(rejected(5, ts_ms=now_ms() + 3_000))
    evaluate()
    (found,) = told()
    assert (found["issue_id"], found["state"], found["changed_by"], found["note"]) == (
        "h-3",
        "fixed",
        "ada",
        "prompt v12",
    )
    later = now_ms() + 10_000
    monkeypatch.setattr("enhancelog.store.state_rows.now_ms", lambda: later)
    assert pattern_states.change(key, StateEdit(state="fixed"), ADA) > first
    record(rejected(6, ts_ms=later + 1))
    evaluate()
    assert len(ids()) == 2


def test_an_expected_pattern_returns_with_the_denial_beyond_its_limit() -> None:
    record(rejected(1, ts_ms=now_ms() - 2 * DAY_MS))
    key = Template.objects.get(axis="noop").key
    make_rule("pattern.returned")
    pattern_states.change(key, StateEdit(state="expected", most_a_day=2), ADA)
    at = now_ms()
    record_all([rejected(number, ts_ms=at) for number in range(2, 8)])
    evaluate(most=1)
    assert ids() == ["h-4"]


def test_a_limit_that_was_passed_before_returns_with_the_next_denial() -> None:
    at = now_ms()
    record_all([rejected(number, ts_ms=at) for number in range(1, 6)])
    key = Template.objects.get(axis="noop").key
    make_rule("pattern.returned")
    pattern_states.change(key, StateEdit(state="expected", most_a_day=2), ADA)
    record_all([rejected(number, ts_ms=at) for number in range(6, 8)])
    evaluate()
    assert ids() == ["h-6"]


def test_other_states_do_not_return() -> None:
    record(rejected(1, ts_ms=now_ms() - HOUR_MS))
    key = Template.objects.get(axis="noop").key
    make_rule("pattern.returned")
    pattern_states.change(key, StateEdit(state="acknowledged"), ADA)
    record(rejected(2, ts_ms=now_ms() + 1_000))
    evaluate()
    assert told() == []


def of_rates(flags: str, first: int = 1, **changes: Any) -> list[Entry]:
    """``x``: rejected."""
    return [
        rejected(number, **changes) if flag == "x" else applied(number, **changes)
        for number, flag in enumerate(flags, first)
    ]


def test_a_high_rate_is_told_when_it_is_reached_and_once_a_day() -> None:
    make_rule("rate.high", options={"percent": 50, "runs": 20})
    record_all(of_rates("." * 20 + "x" * 15 + "." * 20 + "x" * 15))
    evaluate()
    (found,) = told()
    assert (found["issue_id"], found["rejected"], found["runs"], found["percent"]) == ("h-31", 11, 20, 50)


def test_too_few_runs_have_no_rate() -> None:
    make_rule("rate.high", options={"percent": 50, "runs": 20})
    record_all(of_rates("x" * 19))
    evaluate()
    assert told() == []


def test_the_rate_of_a_view_is_of_all_its_runs() -> None:
    make_rule("rate.high", "/rejections/?axis=tone&blueprint_id=main", options={"percent": 10, "runs": 20})
    others = of_rates("x" * 30, 101, blueprint_id="other")
    tones = [rejected(number, "tone") for number in range(21, 24)]
    record_all([*of_rates("x" * 20), *others, *tones])
    evaluate()
    (found,) = told()
    assert (found["issue_id"], found["rejected"], found["runs"]) == ("h-23", 3, 20)


def test_twice_the_usual_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    make_rule("rate.high", options={"twice": True, "runs": 20})
    now = now_ms()
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: now - 3 * DAY_MS)
    record_all(of_rates(("x" + "." * 4) * 20))
    monkeypatch.undo()
    record_all(of_rates("." * 20 + "x" * 12, 101))
    evaluate()
    (found,) = told()
    assert (found["issue_id"], found["rejected"]) == ("h-129", 9)
    assert (found["usual_rejected"], found["usual_runs"]) == (20, 100)


def test_an_axis_is_silent_at_the_last_of_so_many_runs() -> None:
    make_rule("axis.silent", options={"runs": 20})
    make_rule("axis.silent", options={"runs": 20, "axis": "des"})
    with_all = [rejected(number, "noop") for number in range(1, 31)]
    without = [rejected(number, "des") for number in range(31, 61)]
    record_all([*with_all, *without])
    evaluate(most=7)
    (found,) = told()
    assert (found["axis"], found["issue_id"], found["judged"], found["runs"]) == ("noop", "h-50", 20, 20)


def test_an_axis_that_judged_rarely_is_not_silent() -> None:
    make_rule("axis.silent", options={"runs": 20})
    record_all([rejected(number, "tone" if number % 3 == 0 else "des") for number in range(1, 41)])
    record_all([rejected(number, "des") for number in range(41, 101)])
    evaluate()
    assert told() == []


def test_no_run_for_so_long_is_told_once_for_each_silence() -> None:
    alert = make_rule("runs.silent", options={"hours": 3})
    make_rule("runs.silent", "/search/?blueprint_id=other", options={"hours": 3})
    record(applied(1), applied(2, blueprint_id="other"))
    start = now_ms()
    for hours in (1, 2, 4, 5, 400):
        evaluate(now=start + hours * HOUR_MS)
    assert [each["last_issue_id"] for each in told(alert)] == ["h-2"]
    assert len(told()) == 2


def test_a_clock_that_jumps_neither_floods_nor_blocks() -> None:
    make_rule("runs.silent", options={"hours": 3})
    make_rule("digest")
    make_rule("entry.rejected")
    record(rejected(1))
    start = now_ms()
    for now in (start, start + 3650 * DAY_MS, start - 3650 * DAY_MS, start + 3650 * DAY_MS, start):
        evaluate(now=now)
    assert Delivery.objects.count() == 3
    record(rejected(2))
    evaluate(now=start)
    assert Delivery.objects.count() == 4


def test_a_run_that_died_is_told() -> None:
    make_rule("run.unfinished")
    make_rule("run.unfinished", "/search/?blueprint_id=other")
    report = UnfinishedReport(
        issue_id="h-9",
        blueprint_id="main",
        status="died",
        intent="cite the line",
        reason="no answer",
        cause="time_limit",
    )
    keep_report(report, ADA, lambda blueprint_id: None)
    keep_report(report, ADA, lambda blueprint_id: None)
    evaluate()
    (found,) = told()
    assert (found["issue_id"], found["cause"], found["reason"]) == ("h-9", "time_limit", "no answer")
    assert found["url"].endswith("/unfinished/h-9")


def test_a_mention_is_told_to_whom_it_names() -> None:
    make_rule("mention")
    make_rule("mention", actor=staff("eve"))
    mention("note.add", ["ada", "bob"])
    mention("note.edit", ["bob"])
    mention("pattern.state", ["ada"])
    evaluate()
    (found,) = told()
    assert (found["by"], found["about"], found["about_id"]) == ("zoe", "entry", "h-1")


def mention(act: Any, names: list[str]) -> None:
    from enhancelog.backends import dialect

    with dialect().appending():
        audit.record(act, Origin("user", "zoe", "page"), "entry", "h-1", mentions=names, note="none")


def test_snoozed_and_switched_off_rules_tell_nothing() -> None:
    snoozed, off, inactive = (make_rule("entry.rejected", actor=staff(name)) for name in ("ada", "eve", "zoe"))
    rules.change(snoozed, AlertEdit(snoozed_until_ms=now_ms() + HOUR_MS), staff())
    rules.change(off, AlertEdit(on=False), staff())
    inactive.owner.is_active = False
    inactive.owner.save()
    record(rejected(1))
    evaluate()
    assert told() == []
    rules.change(off, AlertEdit(on=True), staff())
    evaluate(now=now_ms() + 2 * HOUR_MS)
    record(rejected(2))
    evaluate(now=now_ms() + 2 * HOUR_MS)
    assert ids() == ["h-2", "h-2"]  # what happened meanwhile is not told


def test_a_rule_whose_view_was_deleted_stops_and_says_so() -> None:
    alert = make_rule("entry.rejected", "/rejections/?axis=noop")
    SavedView.objects.get().delete()
    record(rejected(1))
    evaluate()
    alert.refresh_from_db()
    assert alert.off_ms is not None
    assert alert.off_why == "its saved view was deleted"
    assert told() == []
    assert list(audited().values_list("act", flat=True)) == ["alert.make", "alert.off"]


def test_a_rule_that_cannot_be_read_stops_alone() -> None:
    broken = make_rule("rate.high", options={"percent": 50})
    make_rule("entry.rejected")
    Alert.objects.filter(pk=broken.pk).update(options='{"percent":"many"}')
    record(rejected(1))
    evaluate()
    assert ids() == ["h-1"]
    broken.refresh_from_db()
    assert "options.percent" in broken.off_why


def every_rule() -> None:
    make_rule("entry.rejected")
    make_rule("entry.rejected", "/rejections/?axis=tone")
    make_rule("pattern.new")
    make_rule("pattern.new", "/rejections/?blueprint_id=other")
    make_rule("rate.high", options={"percent": 40, "runs": 20})
    make_rule("axis.silent", options={"runs": 20})
    make_rule("run.unfinished")


AXES = st.sampled_from(["", "noop", "tone", "des"])
DETAILS = st.sampled_from(["patch is no-op", "id is missing", "too long", "wrong tone of voice"])


@given(
    st.lists(st.tuples(AXES, DETAILS, st.sampled_from(["main", "other"])), max_size=60),
    st.lists(st.integers(1, 50), min_size=1),
)
def test_steps_of_any_size_tell_the_same(runs: list[tuple[str, str, str]], sizes: list[int]) -> None:
    for row in Alert.objects.all():
        row.delete()
    AlertProgress.objects.all().delete()
    every_rule()
    before = set(Template.objects.values_list("axis", "text"))
    offset = len(Delivery.objects.all()) + now_ms()
    record_all(
        [
            rejected(offset + number, axis, detail=detail, blueprint_id=blueprint)
            if axis
            else applied(offset + number, blueprint_id=blueprint)
            for number, (axis, detail, blueprint) in enumerate(runs)
        ]
    )
    evaluate()
    whole = set(Delivery.objects.values_list("pk", flat=True))
    Delivery.objects.all().delete()
    AlertProgress.objects.all().delete()
    for size in interrupted(sizes):
        if not evaluator.step(now_ms(), size):
            break
    evaluate()
    assert set(Delivery.objects.values_list("pk", flat=True)) == whole
    expected = sum(bool(axis) for axis, *_ in runs) + sum(axis == "tone" for axis, *_ in runs)
    assert Delivery.objects.filter(event="entry.rejected").count() == expected
    new = {(axis, detail) for axis, detail, _ in runs if axis} - before
    found = [each for each in told() if "template" in each]
    assert {(each["axis"], each["template"]) for each in found if each["alert"]["name"] == "pattern.new"} == new


def interrupted(sizes: list[int]) -> Iterator[int]:
    """Between steps, the progress falls back, as if another server had read it before."""
    kept: Any = {}
    for number, size in enumerate(sizes):
        yield size
        if number % 2 and kept:
            AlertProgress.objects.update(**kept)
        kept = AlertProgress.objects.values("log_position", "pattern_position", "window_position").first()


class Killed(Exception):
    pass


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_it_loses_and_doubles_nothing() -> None:
    every_rule()
    make_rule("runs.silent", options={"hours": 1})
    record_all([rejected(number, "noop" if number < 25 else "des") for number in range(50)])
    now = now_ms() + 2 * HOUR_MS
    for survived in range(1_000):
        left = survived

        def kill(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            return execute(sql, parameters, many, context)

        try:
            with connection.execute_wrapper(kill):
                evaluate(most=20, now=now)
            break
        except Killed:
            continue
    whole = sorted(Delivery.objects.values_list("pk", flat=True))
    events = set(Delivery.objects.values_list("event", flat=True))
    assert events == {"entry.rejected", "pattern.new", "rate.high", "axis.silent", "runs.silent"}
    Delivery.objects.all().delete()
    AlertProgress.objects.all().delete()
    evaluate(now=now)
    assert sorted(Delivery.objects.values_list("pk", flat=True)) == whole


@pytest.mark.django_db(transaction=True)
def test_a_step_that_was_overtaken_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    make_rule("entry.rejected")
    record(rejected(1))
    evaluate()
    record(rejected(2))
    commit = evaluator._commit

    def overtaken(progress: AlertProgress, field: str, span: Range, tried: Tried) -> None:
        AlertProgress.objects.update(log_position=span.up_to)
        commit(progress, field, span, tried)

    monkeypatch.setattr(evaluator, "_commit", overtaken)
    evaluator.step()
    assert ids() == ["h-1"]


def test_fifty_rules_take_few_statements() -> None:
    events = ("entry.rejected", "pattern.new", "pattern.returned", "run.unfinished", "mention")
    for number in range(25):
        make_rule(events[number % 5], actor=staff(f"user{number}"))
    for number in range(25):
        make_rule("entry.rejected", "/rejections/?axis=noop" if number % 2 else "")
    evaluate()
    record_all([rejected(number) for number in range(10)])
    with CaptureQueriesContext(
        connection,
    ) as few:
        evaluator.step()
    assert len(few) < 45
