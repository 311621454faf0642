"""A count whose bounds cut through days is as exact as one of whole days, on a reading that sees a part of the log."""

import itertools

import pytest
from django.db import connection

from enhancelog.domain import filters
from enhancelog.domain.times import DAY_MS
from enhancelog.queries import counts, prepared
from enhancelog.queries.counts import Count, count
from enhancelog.queries.selection import select
from enhancelog.store.database import analyze, last_position
from tests.factories import make_entry, make_rejected
from tests.plans import steps
from tests.recording import record

pytestmark = pytest.mark.django_db

FIRST = 20_700 * DAY_MS
HOURS = range(0, 120, 5)
BOUNDS = [None, *(FIRST + hours * DAY_MS // 24 for hours in (0, 7, 24, 31, 50, 72, 96, 101))]
FILTERS = [
    [],
    [("blueprint_id", "main")],
    [("blueprint_id", "main"), ("status", "rejected")],
    [("status", "applied")],
    [("axis", "noop")],
    [("axis", "noop"), ("status", "rejected")],
]


@pytest.fixture(autouse=True)
def five_days() -> None:
    for number, hours in enumerate(HOURS):
        make = make_rejected if number % 3 else make_entry
        blueprint_id = "main" if number % 4 else "other"
        record(make(issue_id=f"h-{number}", blueprint_id=blueprint_id, ts_ms=FIRST + hours * DAY_MS // 24))
    record(make_rejected(issue_id="no-time", ts_ms=-5))


@pytest.mark.parametrize("pairs", FILTERS)
def test_parts_of_days_add_up_to_the_list(pairs: list[tuple[str, str]]) -> None:
    for since, until in itertools.product(BOUNDS, BOUNDS):
        bounds = [(name, str(ms)) for name, ms in (("since", since), ("until", until)) if ms is not None]
        wanted = filters.from_pairs([*pairs, *bounds], 0)
        for up_to in (10, 25):
            rows = select(wanted, up_to).count()
            assert count(wanted, up_to) == Count(rows), (pairs, since, until, up_to)


@pytest.mark.parametrize(
    ("bound", "ms", "number"),
    [("since", 2**63 - 1, 0), ("until", 2**63 - 1, 24), ("since", -(2**63), 24), ("until", -(2**63), 0)],
)
def test_the_last_instants_there_are(bound: str, ms: int, number: int) -> None:
    assert count(filters.from_pairs([(bound, str(ms))], 0), 25) == Count(number)


def test_more_than_the_cap_are_not_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "CAP", 3)
    monkeypatch.setattr(prepared, "_kept", {})
    wanted = filters.from_pairs([("blueprint_id", "main"), ("until", str(FIRST + 101 * DAY_MS // 24))], 0)
    assert count(wanted, 25) == Count(3, capped=True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the steps of SQLite's virtual machine")
def test_the_entries_of_whole_days_are_not_read() -> None:
    wanted = filters.from_pairs([("blueprint_id", "main"), ("until", str(FIRST + 101 * DAY_MS // 24))], 0)
    analyze()
    before = steps(lambda: count(wanted, last_position()))
    record(*(make_entry(issue_id=f"more-{number}", ts_ms=FIRST + 12 * DAY_MS // 24) for number in range(500)))
    analyze()
    assert steps(lambda: count(wanted, last_position())) < before + 500
