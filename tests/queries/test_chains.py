"""Gaps in chains of hashes, where a Blueprint has more than one source."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.origin import OPTIMIZERS, Origin
from enhancelog.models import Entry
from enhancelog.queries.chains import gap
from enhancelog.store.database import DatabaseEnhanceLogStore, analyze
from tests.factories import make_entry
from tests.plans import plans

pytestmark = pytest.mark.django_db


def record(source: str, *runs: tuple[int, str, str]) -> None:
    """Applied runs of one Blueprint as (when, hash before, hash after)."""
    DatabaseEnhanceLogStore(Origin("command", "test", source)).append_batch(
        [
            make_entry(issue_id=f"{source}-{at}", ts_ms=at, prev_hash=before, new_hash=after)
            for at, before, after in runs
        ]
    )


def gaps() -> set[str]:
    statement = f"SELECT * FROM {Entry._meta.db_table} WHERE {gap()}"
    return {entry.issue_id for entry in Entry.objects.raw(statement)}


def test_an_entry_goes_on_from_where_any_source_left_the_blueprint() -> None:
    record("b", (10, "0", "1"), (20, "1", "2"), (50, "9", "3"))
    record("a", (30, "2", "4"), (40, "2", "5"), (60, "5", "6"))
    record("c", (70, "3", "7"), (80, "4", "8"))
    assert gaps() == {"b-50", "c-80"}


def test_of_runs_at_the_same_time_the_first_appended_is_the_earlier() -> None:
    store = DatabaseEnhanceLogStore(Origin("command", "test", "a"))
    chain = [("x", 5, "9", "0"), ("c", 7, "0", "1"), ("b", 7, "1", "2"), ("a", 7, "2", "3"), ("d", 8, "3", "4")]
    store.append_batch(
        [make_entry(issue_id=key, ts_ms=at, prev_hash=before, new_hash=after) for key, at, before, after in chain]
    )
    assert gaps() == set()
    store.append_batch([make_entry(issue_id="e", ts_ms=7, prev_hash="2", new_hash="5")])
    assert gaps() == {"d", "e"}


@pytest.mark.parametrize("source", OPTIMIZERS)
def test_the_programs_of_an_optimizer_are_a_tree_and_no_chain(source: str) -> None:
    runs = ((10, "0", "1"), (20, "0", "2"), (30, "1", "3"), (40, "9", "4"))
    record(source, *runs)
    assert gaps() == set()
    record("host-a", (50, "8", "9"))
    assert gaps() == {"host-a-50"}


def test_each_step_is_found_by_the_index_of_chains_before_the_statistics_know_a_source() -> None:
    record("old", *[(at, str(at), str(at + 1)) for at in range(300)])
    analyze()
    record("new", (1000, "300", "301"))
    with CaptureQueriesContext(connection) as captured:
        assert gaps() == set()
    (plan,) = plans(captured).values()
    assert "entry_chain" in plan


def test_no_step_passes_over_the_later_runs_at_the_same_time() -> None:
    with CaptureQueriesContext(connection) as captured:
        assert gaps() == set()
    (plan,) = plans(captured).values()
    by_position = {"sqlite": "source=? AND ts_ms=? AND position<?", "postgresql": "ROW(source, ts_ms, "}
    assert by_position[connection.vendor] in plan
