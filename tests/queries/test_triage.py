"""Finding the patterns that wait for a decision, by what databases read for it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import State, StateEdit
from enhancelog.domain.times import now_ms
from enhancelog.models import Template
from enhancelog.queries import triage
from enhancelog.store import pattern_states
from tests.factories import make_entry, make_rejected
from tests.plans import whole_tables
from tests.recording import record_all

pytestmark = pytest.mark.django_db

BOB = Origin("user", "bob", "page")
STATES: tuple[State, ...] = ("acknowledged", "expected", "fixed", "new")


def test_neither_entries_nor_denials_are_read_from_end_to_end() -> None:
    at = now_ms() - 60_000
    record_all(make_rejected(f"axis-{n % 20}", issue_id=f"h-{n}", ts_ms=at + n) for n in range(300))
    record_all(make_entry(issue_id=f"a-{n}", ts_ms=at + n) for n in range(300))
    for number, pattern in enumerate(Template.objects.order_by("pk")[:12]):
        state = STATES[number % 4]
        limit = 3 if number % 8 == 1 else None
        pattern_states.change(pattern.key, StateEdit(state=state, most_a_day=limit), BOB)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        found = triage.inbox(now_ms())
    assert found.left.number > 8
    assert not {"entry", "denialpattern", "denial", "touch"} & whole_tables(captured)


def test_the_weeks_are_compared_from_twenty_runs_on() -> None:
    few, enough = triage.Rejections(100, 19, 40), triage.Rejections(100, 20, 40)
    own = triage.Rejections(20, 15, 1)
    assert triage.change_of_week(own, few) is None
    change = triage.change_of_week(own, enough)
    assert change is not None
    assert change.low > 0
