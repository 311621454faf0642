"""What appends leave equals what a rebuild makes, whatever the order, the times and the batches."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from enhancelog import projections
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry as Record
from enhancelog.models import AxisTally, AxisTotal, BlueprintSummary, Denial, Entry, EntryBadge, StatusTally, Template
from enhancelog.projections.stored import Stored
from enhancelog.store import pattern_groups
from enhancelog.store.database import DatabaseEnhanceLogStore, stored_batches
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.factories import make_entry, make_rejected
from tests.strategies import NOW_MS, entries

pytestmark = pytest.mark.django_db

Tables = dict[str, list[tuple[Any, ...]]]

SOURCES = ("api", "import", "host")
sent_entries = st.tuples(st.sampled_from(SOURCES), entries())
logs = st.lists(sent_entries, max_size=25, unique_by=lambda sent: sent[1].issue_id)
# Of runs of one Blueprint at the same time, the first that was appended counts as the earlier one.
logs_without_ties = st.lists(
    sent_entries,
    max_size=25,
    unique_by=(lambda sent: sent[1].issue_id, lambda sent: (sent[0], sent[1].blueprint_id, sent[1].ts_ms)),
)
# A failure is not made smaller: with two rebuilds for each attempt, that takes longer than a test may.
many = settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is plausible does not depend on when the test runs."""
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)


def append(log: Sequence[tuple[str, Record]], batch: int) -> None:
    """In order, in batches of one source each."""
    start = 0
    while start < len(log):
        source = log[start][0]
        end = start + 1
        while end < len(log) and end - start < batch and log[end][0] == source:
            end += 1
        DatabaseEnhanceLogStore(Origin("command", "tests", source)).append_batch([entry for _, entry in log[start:end]])
        start = end
    pattern_groups.settle()


def read_tables(*, by_id: bool = False) -> Tables:
    """Every projection's rows; ``by_id``: without what depends on positions, and entries named by their id."""
    keys = dict(Template.objects.values_list("id", "key"))
    named = {"template_id": keys, "pattern_id": keys, "home_id": keys}
    if by_id:
        named["entry_id"] = named["earlier_id"] = dict(Entry.objects.values_list("position", "issue_id"))
    tables: Tables = {}
    for table in projections.tables():
        names = [field.attname for field in table._meta.concrete_fields if field.attname != "id"]
        if by_id:
            names = [name for name in names if name not in ("first_position", "pattern_id", "home_id")]
        rows = [
            tuple(named.get(name, {}).get(value, value) for name, value in zip(names, row, strict=True))
            for row in table._default_manager.values_list(*names)
        ]
        tables[table._meta.db_table] = sorted(rows, key=repr)
    return tables


def read_log() -> list[Stored]:
    return [stored for batch in stored_batches() for stored in batch]


@many
@given(logs, st.integers(1, 30))
def test_appends_leave_what_a_rebuild_makes(log: list[tuple[str, Record]], batch: int) -> None:
    with transaction.atomic():
        append(log, batch)
        left = read_tables()
        found = list(verify())
        assert rebuild_projections() == len(log)
        rebuilt = read_tables()
        transaction.set_rollback(True)
    assert left == rebuilt
    assert found == []


@many
@given(logs_without_ties.flatmap(lambda log: st.tuples(st.just(log), st.permutations(log))), st.integers(1, 30))
def test_the_order_of_appends_does_not_matter(
    both: tuple[list[tuple[str, Record]], list[tuple[str, Record]]], batch: int
) -> None:
    seen = []
    for log in both:
        with transaction.atomic():
            append(log, batch)
            seen.append(read_tables(by_id=True))
            transaction.set_rollback(True)
    assert seen[0] == seen[1]


@many
@given(logs, st.data())
def test_dropping_entries_and_applying_them_again_changes_nothing(
    log: list[tuple[str, Record]], data: st.DataObject
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        append(log, 30)
        before = read_tables()
        stored = read_log()
        chosen = data.draw(st.lists(st.sampled_from(stored), unique_by=lambda one: one.position)) if stored else []
        if chosen:
            projections.drop(cursor, chosen)
            projections.apply(cursor, chosen)
            pattern_groups.settle()
        after = read_tables()
        transaction.set_rollback(True)
    assert before == after


@many
@given(logs)
def test_dropping_every_entry_empties_the_tables(log: list[tuple[str, Record]]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        append(log, 30)
        for stored in read_log():
            projections.drop(cursor, [stored])
        left = read_tables()
        transaction.set_rollback(True)
    assert all(rows == [] for rows in left.values())


def test_an_axis_whose_first_entry_is_dropped_begins_at_the_next_that_it_judged() -> None:
    verdict = {"axis": '50 %_"x', "status": "pass", "detail": ""}
    details = [[{**verdict, "axis": "other", "detail": '{"axis":"50 %_\\"x",'}], [verdict], [verdict]]
    append(
        [("api", make_entry(issue_id=f"h-{at}", verdicts=said)) for at, said in enumerate([[verdict], *details])], 10
    )
    with connection.cursor() as cursor:
        projections.drop(cursor, read_log()[:1])
    totals = AxisTotal.objects.order_by("axis").values_list("axis", "first_position", "judged", "rejected")
    assert list(totals) == [("", 0, 3, 0), ('50 %_"x', 3, 2, 0), ("other", 2, 1, 0)]


def test_the_tables_say_what_they_are_for() -> None:
    day = NOW_MS // 86_400_000
    append(
        [
            ("api", make_entry(issue_id="a", ts_ms=NOW_MS)),
            ("api", make_rejected("noop", issue_id="b", ts_ms=NOW_MS - 1)),
            ("host", make_rejected("des", "noop", issue_id="c", ts_ms=-1)),
            ("host", make_entry(issue_id="d", ts_ms=NOW_MS, verdicts=[*deny("noop"), *deny("noop")])),
        ],
        batch=10,
    )
    assert list(Denial.objects.order_by("entry_id", "axis").values_list("entry_id", "axis", "sole", "rejected")) == [
        (2, "noop", True, True),
        (3, "des", False, True),
        (3, "noop", False, True),
        (4, "noop", True, False),
    ]
    assert set(StatusTally.objects.values_list("day", "blueprint_id", "status", "runs")) == {
        (day, "main", "applied", 2),
        (day, "main", "rejected", 1),
        (None, "main", "rejected", 1),
    }
    assert set(AxisTally.objects.values_list("day", "axis", "judged", "denied", "rejected")) == {
        (day, "des", 2, 0, 0),
        (day, "noop", 3, 2, 1),
        (None, "des", 1, 1, 1),
        (None, "noop", 1, 1, 1),
    }
    assert set(BlueprintSummary.objects.values_list("source", "applied", "rejected", "newest_ts_ms")) == {
        ("api", 1, 1, NOW_MS),
        ("host", 1, 1, NOW_MS),
    }
    assert set(EntryBadge.objects.values_list("entry_id", "badge")) == {
        (3, "implausible time"),
        (4, "applied despite a denial"),
        (4, "axis judged twice"),
    }


def test_a_late_entry_does_not_become_the_newest() -> None:
    times = (NOW_MS - 5, NOW_MS, NOW_MS - 9, 99, 2**63 - 1)
    append([("api", make_entry(issue_id=str(ts_ms), ts_ms=ts_ms)) for ts_ms in times], batch=1)
    assert BlueprintSummary.objects.get().newest_ts_ms == NOW_MS


def test_a_summary_of_absurd_times_alone_has_no_newest() -> None:
    append([("api", make_entry(ts_ms=-1))], batch=1)
    assert BlueprintSummary.objects.get().newest_ts_ms is None


def deny(axis: str) -> list[dict[str, str]]:
    return [{"axis": axis, "status": "deny", "detail": "why"}]
