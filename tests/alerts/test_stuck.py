"""A rule whose evaluation fails holds up no other, says so, and tells what it missed once it works again."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from enhancelog.alerts import evaluator, log_events, other_events, rules, stuck, timed_events, watched, window_events
from enhancelog.alerts.shown import shown
from enhancelog.domain.alerts import AlertEdit
from enhancelog.domain.errors import Other
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.models import Alert, AlertProgress, Delivery
from enhancelog.store.unfinished_reports import keep_report
from tests.alerts.making import evaluate, make_rule, staff, told
from tests.factories import make_rejected
from tests.pages import read
from tests.recording import record

pytestmark = pytest.mark.django_db

LATER_MS = stuck.RETRY_MS + 1


class Breaking:
    """Makes functions fail for rules of the name ``broken``, while it is on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.is_on = True
        self.error: Exception = KeyError("axis")

    def rules_of(self, module: Any, name: str) -> None:
        """``name``: a function of rules, of one, or of something of one."""
        before: Callable[..., Any] = getattr(module, name)

        def failing(first: Any, *arguments: Any) -> Any:
            for each in first if isinstance(first, list) else [first]:
                if self.is_on and getattr(each, "rule", each).alert.name == "broken":
                    raise self.error
            return before(first, *arguments)

        self._monkeypatch.setattr(module, name, failing)


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Breaking:
    return Breaking(monkeypatch)


def append(*numbers: int) -> None:
    record(*(make_rejected(issue_id=f"h-{number}", ts_ms=now_ms()) for number in numbers))


def ids(alert: Alert) -> list[str]:
    return sorted(each["issue_id"] for each in told(alert))


def state(alert: Alert) -> Alert:
    return Alert.objects.get(pk=alert.pk)


@pytest.mark.parametrize("step", ["rejected_entries", "_rejected"])  # finding them, and writing their messages
@pytest.mark.parametrize("most", [1, 2, 1_000])
def test_others_go_on_and_it_loses_nothing(
    step: str, most: int, breaking: Breaking, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = make_rule("entry.rejected", name="broken"), make_rule("entry.rejected")
    append(1)
    evaluate()
    breaking.rules_of(log_events, step)
    append(2, 3)
    with caplog.at_level(logging.ERROR):
        evaluate(most)
        append(4)
        evaluate(most)
        now = now_ms() + LATER_MS
        evaluate(most, now)  # tried again, in vain
    assert ids(other) == ["h-1", "h-2", "h-3", "h-4"]
    assert ids(broken) == ["h-1"]
    (said,) = (each.getMessage() for each in caplog.records)
    assert broken.pk in said
    assert state(broken).stuck_why == "KeyError; the server's log says why"
    since_ms = state(broken).stuck_since_ms
    assert since_ms is not None
    assert since_ms <= now_ms()
    breaking.is_on = False
    append(5)
    evaluate(most, now)
    assert ids(broken) == ["h-1"]  # not yet
    evaluate(most, now + LATER_MS)
    append(6)
    evaluate(most)
    assert ids(broken) == ids(other) == [f"h-{number}" for number in range(1, 7)]
    assert not stuck.is_apart(state(broken))
    assert Delivery.objects.count() == 12


def test_it_is_said_where_alerts_are_shown(breaking: Breaking, caplog: pytest.LogCaptureFixture) -> None:
    broken = make_rule("entry.rejected", name="broken")
    breaking.rules_of(log_events, "rejected_entries")
    breaking.error = OperationalError("near secret: SELECT secret FROM enhancelog_alert")
    append(1)
    evaluate()
    found = shown(state(broken))
    assert found.on
    assert found.stuck_since_ms
    assert found.stuck_why == "OperationalError; the server's log says why"
    client = Client()
    client.force_login(staff().user)
    words = read(client.get(f"/alerts/{broken.pk}")).words
    assert "It has not been evaluated since" in words
    assert "OperationalError; the server's log says why." in words
    assert "SELECT" not in words
    assert "not evaluated since" in read(client.get("/alerts/")).words
    assert "near secret: SELECT" in caplog.text


def test_what_waited_is_told_in_order_although_it_failed_twice(breaking: Breaking) -> None:
    broken = make_rule("entry.rejected", name="broken")
    breaking.rules_of(log_events, "rejected_entries")
    now = now_ms()
    for number in range(1, 6):
        append(number)
        evaluate(now=now)
        now += LATER_MS
        breaking.is_on = number % 2 == 1
    breaking.is_on = False
    evaluate(now=now)
    assert ids(broken) == [f"h-{number}" for number in range(1, 6)]
    assert not stuck.is_apart(state(broken))


@pytest.mark.parametrize(
    ("event", "options", "module", "name"),
    [
        ("pattern.new", {}, log_events, "new_patterns"),
        ("rate.high", {"runs": 20, "percent": 50}, window_events, "high_rates"),
        ("axis.silent", {"runs": 20}, window_events, "silent_axes"),
        ("run.unfinished", {}, other_events, "unfinished_runs"),
        ("runs.silent", {"hours": 1}, timed_events, "silent_runs"),
        ("digest", {}, timed_events, "due_digests"),
        ("digest", {}, timed_events, "digest"),
    ],
)
def test_every_event_is_evaluated_alone_if_it_must_be(
    event: str, options: Any, module: Any, name: str, breaking: Breaking
) -> None:
    started = now_ms() - 3 * DAY_MS
    pair = make_rule(event, name="broken", options=options), make_rule(event, options=options)
    Alert.objects.update(since_ms=started)
    breaking.rules_of(module, name)
    record(*(make_rejected("noop" if number < 25 else "des", issue_id=f"h-{number}") for number in range(50)))
    make_unfinished()
    now = now_ms() + 2 * HOUR_MS
    evaluate(now=now)
    assert not told(pair[0])
    assert told(pair[1])
    assert state(pair[0]).stuck_since_ms
    breaking.is_on = False
    evaluate(now=now + LATER_MS)
    evaluate(now=now + 2 * LATER_MS)
    assert len(told(pair[0])) == len(told(pair[1]))
    assert not stuck.is_apart(state(pair[0]))


def make_unfinished() -> None:
    report = UnfinishedReport(
        issue_id="u-1", blueprint_id="main", intent="cite", status="died", reason="no answer", cause="time_limit"
    )
    keep_report(report, staff().origin, lambda blueprint_id: None)


def test_one_that_cannot_be_read_is_left_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, other = make_rule("entry.rejected", "/rejections/?axis=noop"), make_rule("entry.rejected")
    append(1)
    evaluate()
    read = watched.read
    monkeypatch.setattr(watched, "read", lambda url, now: 1 // 0)
    append(2)
    evaluate()
    assert (ids(broken), ids(other)) == (["h-1"], ["h-1", "h-2"])
    assert state(broken).stuck_why.startswith("ZeroDivisionError")
    monkeypatch.setattr(watched, "read", read)
    evaluate(now=now_ms() + LATER_MS)
    assert ids(broken) == ["h-1", "h-2"]
    assert not stuck.is_apart(state(broken))


def test_a_change_of_it_is_tried_at_once(breaking: Breaking) -> None:
    broken = make_rule("entry.rejected", name="broken")
    breaking.rules_of(log_events, "rejected_entries")
    append(1)
    evaluate()
    rules.change(state(broken), AlertEdit(name="mended"), staff())
    evaluate()
    assert ids(broken) == ["h-1"]


def test_switched_off_and_on_it_begins_anew(breaking: Breaking) -> None:
    broken = make_rule("entry.rejected", name="broken")
    breaking.rules_of(log_events, "rejected_entries")
    append(1)
    evaluate()
    rules.change(state(broken), AlertEdit(on=False), staff())
    rules.change(state(broken), AlertEdit(on=True), staff())
    assert not stuck.is_apart(state(broken))
    breaking.is_on = False
    append(2)
    evaluate()
    assert ids(broken) == ["h-2"]


def test_what_happens_while_it_is_snoozed_is_not_told(breaking: Breaking) -> None:
    broken = make_rule("entry.rejected", name="broken")
    breaking.rules_of(log_events, "rejected_entries")
    append(1)
    evaluate()
    Alert.objects.update(snoozed_until_ms=now_ms() + HOUR_MS, retry_ms=None)
    evaluate()
    assert not told()
    assert not stuck.is_apart(state(broken))


def test_a_database_that_is_away_is_no_rules_fault(breaking: Breaking, monkeypatch: pytest.MonkeyPatch) -> None:
    make_rule("entry.rejected", name="broken")
    breaking.rules_of(log_events, "rejected_entries")
    breaking.error = OperationalError("gone")

    def away() -> int:
        raise OperationalError("gone")

    append(1)
    monkeypatch.setattr(stuck, "last_position", away)
    with pytest.raises(Other):
        evaluator.step()
    assert not Alert.objects.exclude(stuck_since_ms=None).exists()


def test_nor_while_rules_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    make_rule("entry.rejected", "/rejections/?axis=noop")

    def away(*arguments: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(watched, "read", away)
    monkeypatch.setattr(stuck, "last_position", away)
    with pytest.raises(Other):
        evaluator.step()
    assert not Alert.objects.exclude(stuck_since_ms=None).exists()


def test_a_statement_that_the_database_refuses_is(breaking: Breaking) -> None:
    broken, other = make_rule("entry.rejected", name="broken"), make_rule("entry.rejected")
    breaking.rules_of(log_events, "rejected_entries")
    breaking.error = OperationalError("Expression tree is too large")
    append(1)
    evaluate()
    assert state(broken).stuck_why.startswith("OperationalError;")
    assert ids(other) == ["h-1"]


def test_a_step_that_began_before_it_joined_does_not_pass_it(
    breaking: Breaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = make_rule("entry.rejected", name="broken"), make_rule("entry.rejected")
    breaking.rules_of(log_events, "rejected_entries")
    append(1)
    evaluate()
    breaking.is_on = False
    append(2)
    find, now = log_events.rejected_entries, now_ms()

    def joined_meanwhile(some: Any, span: Any) -> Any:
        monkeypatch.setattr(log_events, "rejected_entries", find)
        Alert.objects.update(retry_ms=None)
        while stuck.is_apart(state(broken)):  # another server was faster
            evaluator.step(now, most=1)
        AlertProgress.objects.update(log_position=1)  # and died before it went on
        Delivery.objects.all().delete()
        return find(some, span)

    monkeypatch.setattr(log_events, "rejected_entries", joined_meanwhile)
    evaluator.step(now)
    evaluate()
    assert ids(broken) == ids(other) == ["h-2"]


class Killed(Exception):
    pass


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_it_still_loses_and_doubles_nothing(breaking: Breaking) -> None:
    broken, other = make_rule("entry.rejected", name="broken"), make_rule("entry.rejected")
    breaking.rules_of(log_events, "rejected_entries")
    now, number = now_ms(), 0
    for survived in range(80):
        number += 1
        append(number)
        left = survived

        def kill(execute: Any, *arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return execute(*arguments)

        breaking.is_on = survived % 3 != 2
        now += LATER_MS
        try:
            with connection.execute_wrapper(kill):
                evaluate(most=2, now=now)
        except Killed:
            continue
    breaking.is_on = False
    evaluate(most=2, now=now + LATER_MS)
    assert len(ids(broken)) == len(set(ids(broken))) == number
    assert ids(broken) == ids(other)
    assert not stuck.is_apart(state(broken))
