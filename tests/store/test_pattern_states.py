"""What people decide about a pattern: a history that only grows, bound to templates."""

import pytest
from django.contrib.auth.models import User

from enhancelog.domain.errors import Conflict, Invalid, NotFound
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import NEW, PatternState, StateEdit
from enhancelog.domain.records import Entry
from enhancelog.domain.times import now_ms
from enhancelog.models import AuditRecord, Template
from enhancelog.queries import pattern_states as queries
from enhancelog.store import pattern_states
from tests.audited import audited
from tests.factories import make_rejected
from tests.recording import record_all

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "web")


def denial(number: int, detail: str = "lone", ts_ms: int = 1) -> Entry:
    return make_rejected("noop", issue_id=f"h-{number}", detail=detail, ts_ms=ts_ms)


@pytest.fixture
def pattern() -> Template:
    record_all([denial(1, ts_ms=now_ms() - 1_000)])
    return Template.objects.get(axis="noop")


def state(pattern: Template) -> PatternState:
    return queries.states_of([pattern.pk])[pattern.pk]


def test_nobody_decided_yet(pattern: Template) -> None:
    assert state(pattern) == NEW
    assert queries.history(pattern.pk) == []


def test_a_change_keeps_what_it_does_not_name(pattern: Template) -> None:
    User.objects.create_user("bob")
    pattern_states.change(pattern.key, StateEdit(state="acknowledged", cause="prompt", assignee="bob"), ADA)
    made = pattern_states.change(pattern.key, StateEdit(state="expected", note="by design", most_a_day=5), ADA)
    found = state(pattern)
    assert (found.state, found.cause, found.assignee) == ("expected", "prompt", "bob")
    assert (found.note, found.most_a_day, found.changed_by, found.change) == ("by design", 5, "ada", made)
    assert [row.state for row in queries.history(pattern.pk)] == ["expected", "acknowledged"]
    audited = AuditRecord.objects.filter(about_id=pattern.key).order_by("position").values_list("act", flat=True)
    assert list(audited) == ["pattern.state", "pattern.state"]


def test_the_second_of_two_people_sees_the_first(pattern: Template) -> None:
    first = pattern_states.change(pattern.key, StateEdit(state="fixed"), ADA, seen=0)
    with pytest.raises(Conflict):
        pattern_states.change(pattern.key, StateEdit(state="expected"), ADA, seen=0)
    pattern_states.change(pattern.key, StateEdit(state="expected"), ADA, seen=first)
    assert state(pattern).state == "expected"


def test_an_undo_is_a_change_and_goes_one_step_back_each_time(pattern: Template) -> None:
    for each in ("acknowledged", "expected", "fixed"):
        pattern_states.change(pattern.key, StateEdit(state=each), ADA)
    seen = []
    for _ in range(3):
        pattern_states.undo(pattern.key, state(pattern).change, ADA)
        seen.append(state(pattern).state)
    assert seen == ["expected", "acknowledged", "new"]
    assert len(queries.history(pattern.pk)) == 6


def test_what_is_unknown_is_refused(pattern: Template) -> None:
    with pytest.raises(NotFound):
        pattern_states.change("0" * 16, StateEdit(state="fixed"), ADA)
    with pytest.raises(Invalid, match="assignee"):
        pattern_states.change(pattern.key, StateEdit(assignee="nobody"), ADA)
    assert not audited().exists()


def test_a_fixed_pattern_returns_with_a_run_that_started_later(pattern: Template) -> None:
    pattern_states.change(pattern.key, StateEdit(state="fixed"), ADA)
    fixed_ms = state(pattern).changed_ms
    assert fixed_ms is not None
    record_all([denial(2, ts_ms=fixed_ms - 500)])
    assert state(pattern).returned_ms is None
    record_all([denial(3, ts_ms=fixed_ms + 500), denial(4, ts_ms=fixed_ms + 900)])
    assert state(pattern).returned_ms == fixed_ms + 500


def test_an_expected_pattern_is_hidden_until_a_day_has_too_many(pattern: Template) -> None:
    pattern_states.change(pattern.key, StateEdit(state="expected", most_a_day=2), ADA)
    assert pattern.pk in queries.expected()
    record_all([denial(number, ts_ms=now_ms()) for number in range(2, 5)])
    assert state(pattern).returned_ms is not None
    assert pattern.pk not in queries.expected()
