"""Facets of long lists read few rows, and say where a count is a minimum."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.domain import filters
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import EARLIEST_MS
from enhancelog.queries import counts, prepared, reach
from enhancelog.queries import facets as facet_queries
from enhancelog.queries.counts import Count
from enhancelog.queries.facets import Facets, facets
from enhancelog.store.database import last_position
from tests.factories import make_rejected
from tests.plans import plans
from tests.recording import record_all

pytestmark = pytest.mark.django_db

REJECTED = filters.from_pairs([("status", "rejected")], 0)
UNTALLIED = filters.from_pairs([("status", "rejected"), ("not_source", "nobody")], 0)


def record(number: int) -> None:
    record_all(
        make_rejected(issue_id=str(at), ts_ms=EARLIEST_MS + at, blueprint_id=f"b{at % 2}", meta={"model": "m"})
        for at in range(number)
    )


def of(wanted: EntryFilter) -> Facets:
    return facets(wanted, last_position())


@pytest.fixture
def four_counted_two_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_kept", {})
    for module in (counts, facet_queries):
        monkeypatch.setattr(module, "CAP", 4)
    monkeypatch.setattr(facet_queries, "MOST_FOLLOWED", 2)
    shorter = facet_queries._FOLLOWED.replace("THEN 2500 ELSE 10000", "THEN 2 ELSE 4")
    assert shorter != facet_queries._FOLLOWED
    monkeypatch.setattr(facet_queries, "_FOLLOWED", shorter)


@pytest.mark.usefixtures("four_counted_two_followed")
@pytest.mark.parametrize("wanted", [REJECTED, UNTALLIED])
def test_up_to_the_cap_every_entry_is_counted(wanted: EntryFilter) -> None:
    record(4)
    found = of(wanted)
    assert found.total == Count(4)
    assert found.by["axis"] == (("noop", Count(4)),)
    assert found.by["blueprint_id"] == (("b0", Count(2)), ("b1", Count(2)))
    assert found.by["axes"] == (("one", Count(4)),)
    assert found.by["meta.model"] == (("m", Count(4)),)


@pytest.mark.usefixtures("four_counted_two_followed")
@pytest.mark.parametrize(
    ("wanted", "total", "axis"),
    [(REJECTED, Count(5), Count(5)), (UNTALLIED, Count(4, capped=True), Count(2, capped=True))],
)
def test_beyond_it_what_no_tally_has_is_at_least_that_of_the_newest(
    wanted: EntryFilter, total: Count, axis: Count
) -> None:
    record(5)
    found = of(wanted)
    assert found.total == total
    assert found.by["axis"] == (("noop", axis),)
    assert found.by["axes"] == (("one", Count(2, capped=True)),)
    assert found.by["meta.model"] == (("m", Count(2, capped=True)),)
    assert sum(each.entries.number for each in found.by["afterwards"]) == 2


@pytest.mark.usefixtures("four_counted_two_followed")
def test_of_a_list_that_was_not_looked_through_only_the_newest_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    record(5)
    monkeypatch.setattr(reach, "MOST_ROWS", 3)
    found = of(filters.from_pairs([("status", "rejected"), ("not_axis", "nobody")], 0))
    assert found.total == Count(3, capped=True)
    assert found.by["axis"] == (("noop", Count(2, capped=True)),)


@pytest.mark.usefixtures("four_counted_two_followed")
def test_too_many_tallies_are_not_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    record(5)
    wanted = filters.from_pairs([("axis", "noop"), ("status", "rejected")], 0)
    assert of(wanted).by["blueprint_id"] == (("b0", Count(3)), ("b1", Count(2)))
    monkeypatch.setattr(counts, "MOST_SUMMED", 1)
    found = of(wanted)
    assert found.total == Count(5)
    assert found.by["blueprint_id"] == (("b0", Count(1, capped=True)), ("b1", Count(1, capped=True)))


@pytest.mark.usefixtures("four_counted_two_followed")
def test_all_rejections_are_counted_by_rows_that_do_not_grow_with_the_blueprints() -> None:
    record(5)
    with CaptureQueriesContext(connection) as captured:
        of(REJECTED)
        counts.count(filters.from_pairs([("axis", "noop"), ("status", "rejected")], 0), 5)
    assert not [query["sql"] for query in captured if "enhancelog_axistally" in query["sql"]]


@pytest.mark.usefixtures("four_counted_two_followed")
def test_a_long_list_that_no_tally_has_is_not_counted_again() -> None:
    record(5)
    with CaptureQueriesContext(connection) as captured:
        assert of(UNTALLIED).total == Count(4, capped=True) == counts.count(UNTALLIED, 5)
    lists = [query["sql"] for query in captured if "nobody" in query["sql"]]
    assert len(lists) == 2  # the facets, and then the count


def test_positions_of_a_list_are_read_from_its_index() -> None:
    record(3)
    with CaptureQueriesContext(connection) as captured:
        of(REJECTED)
    only_index = {"sqlite": "COVERING INDEX entry_status_ts", "postgresql": "Index Only Scan"}[connection.vendor]
    (plan,) = (plan for statement, plan in plans(captured).items() if "followed" in statement)
    assert only_index in plan
