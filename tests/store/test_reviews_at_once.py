"""People who review the same denial at once each have one review, and the audit has what each of them said."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from enhancelog.domain.origin import Origin
from enhancelog.domain.reviews import VERDICTS, NewReview
from enhancelog.models import Review
from enhancelog.queries import reviews as log
from enhancelog.store import reviews as store
from tests.audited import audited
from tests.factories import make_rejected
from tests.recording import record

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = ("ada", "bob", "ada")  # the same person in two windows
TIMES = 9


def review(who: str, together: Barrier) -> None:
    try:
        together.wait()
        for at in range(TIMES):
            new = NewReview(verdict=VERDICTS[at % len(VERDICTS)])
            store.review(log.denied("h-1", "noop"), new, None, Origin("user", who, "page"))
    finally:
        connection.close()


def test_two_people_and_two_windows_at_once() -> None:
    record(make_rejected("noop", issue_id="h-1"))
    together = Barrier(len(PEOPLE), timeout=60)
    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        list(pool.map(lambda who: review(who, together), PEOPLE))
    rows = dict(Review.objects.values_list("reviewer", "verdict"))
    assert rows == {"ada": VERDICTS[(TIMES - 1) % 3], "bob": VERDICTS[(TIMES - 1) % 3]}
    records = list(audited())
    assert [row.position for row in records] == list(range(1, len(records) + 1))
    for who, verdict in rows.items():
        details = [json.loads(row.detail) for row in records if row.actor_name == who]
        assert [each["before"] for each in details] == [None, *(each["after"] for each in details[:-1])]
        assert details[-1]["after"]["verdict"] == verdict
