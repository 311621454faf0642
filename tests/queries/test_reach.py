"""What no index leads to is looked for in so many rows at a time, and nothing is lost on the way."""

import re
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from enhancelog.domain import filters
from enhancelog.domain.times import DAY_MS, EARLIEST_MS
from enhancelog.queries import entries as lists
from enhancelog.queries import phrases, prepared, reach
from enhancelog.queries.counts import Count, count
from enhancelog.queries.facets import facets
from enhancelog.queries.newest import newest
from enhancelog.queries.selection import select
from tests.factories import make_rejected
from tests.list_pages import positions, summary
from tests.pages import read
from tests.plans import steps
from tests.queries.test_queries_agree import LOGS, PAIRS, all_pages
from tests.recording import record_all

pytestmark = pytest.mark.django_db

NOW = 20_700 * DAY_MS
MANY = 500


@pytest.fixture
def three_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """In reach of one page; and no phrase is rare. Statements that were written for more rows are not used."""
    monkeypatch.setattr(prepared, "_kept", {})
    monkeypatch.setattr(reach, "MOST_ROWS", 3)
    monkeypatch.setattr(phrases, "FEW", 0)


@pytest.fixture
def ten_entries(three_rows: None, settings) -> None:
    settings.PUBLIC_READ = True
    record_all(
        make_rejected(issue_id=str(n), intent="word" if n in (1, 8) else "else", ts_ms=EARLIEST_MS + n)
        for n in range(10)
    )


@pytest.mark.django_db
class TestNothingIsLost(TestCase):
    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(LOGS, st.lists(PAIRS, max_size=3), st.sampled_from(["asc", "desc"]), st.integers(1, 4), st.integers(1, 5))
    def test_pages_of_short_reach_add_up_to_the_list(self, log, pairs, order, size, most):
        record_all(log)
        wanted = filters.from_pairs(pairs, 0)
        whole = [row[0] for row in lists.page(wanted, order, 1000).rows]
        counted = count(wanted, len(log))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepared, "_kept", {})
            patch.setattr(reach, "MOST_ROWS", most)
            patch.setattr(phrases, "FEW", 0)
            assert all_pages(wanted, order, size) == whole
            near = count(wanted, len(log))
        assert near == counted or (near.capped and near.number <= counted.number)


@pytest.mark.usefixtures("ten_entries")
@pytest.mark.parametrize(
    ("query", "most"),
    [("text=word", 3), ("phrase=word", 3), ("text=word&text=w0rd", 6), ("text=word&not_text=w0rd", 6)],
)
def test_a_page_says_how_far_it_looked_and_goes_on(
    client: Client, monkeypatch: pytest.MonkeyPatch, query: str, most: int
) -> None:
    monkeypatch.setattr(reach, "MOST_ROWS", most)
    page = read(client.get(f"/rejections/?{query}"))
    found, pages = positions(page), 1
    while buttons := [link for link in page.all("a", class_="btn") if "cursor=" in link.attributes["href"]]:
        assert "3 entries were scanned" in page.words
        (button,) = buttons
        page = read(client.get(button.attributes["href"]))
        found += positions(page)
        pages += 1
    assert (found, pages) == ([9, 2], 4)


@pytest.mark.usefixtures("ten_entries")
@pytest.mark.parametrize(
    ("query", "found"),
    [("text=word", [9]), ("text=word&axis=noop", [9, 2]), ("phrase=word", [9, 2]), ("not_text=else", [9])],
)
def test_a_feed_looks_through_the_last_positions_unless_an_index_leads(query: str, found: list[int]) -> None:
    assert newest(filters.from_pairs(parse_qsl(query), 0), 50) == found


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("has=ops", 20_000),
        ("text=a", 20_000),
        ("text=a&not_text=b", 10_000),
        ("afterwards=none&afterwards=applied", 10_000),
        ("not_next=same", 10_000),
        ("has=gap&has=ops", 10_000),
        ("matching=has%3Dgap", 10_000),
        ("attempt=later&text=a", 6_667),
        ("theme=tone:1&theme=tone:2", 20_000),
        ("not_theme=tone:1&not_theme=critic:1", 10_000),
    ],
)
def test_the_more_is_looked_for_in_each_row_the_fewer_rows_a_page_scans(query: str, rows: int) -> None:
    assert reach.most_rows(filters.from_pairs(parse_qsl(query), 0)) == rows


@pytest.mark.usefixtures("ten_entries")
def test_counts_and_facets_of_what_was_not_looked_through_are_at_least(client: Client) -> None:
    wanted = filters.from_pairs([("text", "word"), ("status", "rejected")], 0)
    assert count(wanted, 10) == Count(1, capped=True)
    found = facets(wanted, 10)
    assert found.total == Count(1, capped=True)
    assert found.by["axis"] == (("noop", Count(1, capped=True)),)
    assert summary(read(client.get("/rejections/?text=word"))).startswith("1+ entries")


@pytest.mark.usefixtures("ten_entries")
def test_the_api_goes_on_by_its_link(client: Client) -> None:
    found, url = [], "/v1/enhance/log?text=word&page_size=5"
    while url:
        response = client.get(url)
        found += [entry["issue_id"] for entry in response.json()]
        link = re.match(r'<(.*)>; rel="next"', response.headers.get("Link", ""))
        url = link[1] if link else ""
    assert found == ["1", "8"]
    assert [entry["issue_id"] for entry in client.get("/v1/enhance/log?text=word").json()] == ["1", "8"]


@pytest.mark.usefixtures("ten_entries")
def test_neighbours_are_looked_for_as_far_as_a_page(client: Client) -> None:
    page = read(client.get("/entries/8?text=word"))
    assert page.all("a", rel="prev") == page.all("a", rel="next") == []
    assert len(read(client.get("/entries/8")).all("a", rel="next")) == 1


@pytest.mark.usefixtures("three_rows")
@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("blueprint_id", "main")],
        [("status", "rejected")],
        [("axis", "noop")],
        [("axis", "noop"), ("blueprint_id", "main"), ("status", "rejected")],
        [("blueprint_id", "main"), ("source", "api")],
        [("since", "0")],
    ],
)
def test_what_an_index_leads_to_has_no_end_before_its_own(pairs: list[tuple[str, str]]) -> None:
    record_all(make_rejected(issue_id=str(n), ts_ms=EARLIEST_MS + n) for n in range(10))
    assert len(lists.page(filters.from_pairs(pairs, 0), "desc", 50).rows) == 10


def test_a_phrase_that_few_hold_leads_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MOST_ROWS", 3)
    record_all(
        make_rejected(issue_id=str(n), intent="word" if n in (1, 8) else "else", ts_ms=EARLIEST_MS + n)
        for n in range(10)
    )
    wanted = filters.from_pairs([("phrase", "word"), ("status", "rejected")], 0)
    assert [row[0] for row in lists.page(wanted, "desc", 50).rows] == [9, 2]
    assert count(wanted, 10) == Count(2)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan says it the same way each time on SQLite alone")
@pytest.mark.parametrize(
    ("pairs", "index"),
    [
        ([("text", "x")], "entry_ts"),
        ([("text", "x"), ("status", "rejected"), ("since", "0")], "entry_status_ts"),
        ([("text", "x"), ("blueprint_id", "main"), ("status", "rejected")], "entry_blueprint_ts"),
        ([("text", "x"), ("axis", "noop")], "denial_axis_ts"),
        ([("phrase", "no op"), ("axis", "noop"), ("blueprint_id", "main")], "denial_blueprint_axis_ts"),
    ],
)
def test_rows_in_reach_are_one_range_of_an_index_alone(three_rows: None, pairs, index: str) -> None:
    record_all(make_rejected(issue_id=str(n), ts_ms=EARLIEST_MS + n) for n in range(10))
    connection.force_debug_cursor = True
    try:
        connection.queries_log.clear()
        lists.page(filters.from_pairs(pairs, 0), "desc", 50)
        statement = next(query["sql"] for query in connection.queries if "OFFSET" in query["sql"])
    finally:
        connection.force_debug_cursor = False
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        plan = [detail for *_, detail in cursor.fetchall()]
    (step,) = plan  # neither a sort nor a look at each entry
    assert f"COVERING INDEX {index} " in step + " "


@pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the steps of SQLite's virtual machine")
@pytest.mark.parametrize(
    "pair", [("text", "word"), ("not_phrase", "word"), ("matching", "phrase=word"), ("axis", "des")]
)
def test_a_page_reads_nothing_beyond_its_reach(three_rows: None, pair: tuple[str, str]) -> None:
    wanted = filters.from_pairs([("axis", "noop"), pair, ("status", "rejected"), ("since", "2000-01-01")], NOW)
    record_all(make_rejected(issue_id=str(n), intent="word", ts_ms=NOW - n) for n in range(10))
    before = steps(lambda: lists.page(wanted, "desc", 50))
    record_all(make_rejected(issue_id=f"old-{n}", intent="word", ts_ms=NOW - DAY_MS - n) for n in range(MANY))
    assert steps(lambda: lists.page(wanted, "desc", 50)) < before + MANY


@pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the steps of SQLite's virtual machine")
def test_the_last_page_reads_as_much_as_the_first() -> None:
    record_all(make_rejected(issue_id=str(n), ts_ms=NOW - n) for n in range(MANY))
    wanted = filters.from_pairs([("status", "rejected"), ("until", "2100-01-01")], NOW)
    first = page = lists.page(wanted, "desc", 50)
    while page.next is not None:
        cursor = str(page.next)
        page = lists.page(wanted, "desc", 50, cursor)
    assert len(page.rows) == len(first.rows)
    assert steps(lambda: lists.page(wanted, "desc", 50, cursor)) < steps(lambda: lists.page(wanted, "desc", 50)) + MANY


@pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the steps of SQLite's virtual machine")
def test_a_chunk_of_a_stream_does_not_read_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "FIRST_CHUNK", 10)
    monkeypatch.setattr(lists, "CHUNK", 10)
    record_all(make_rejected(issue_id=str(n), ts_ms=NOW + n) for n in range(MANY))
    bounded = filters.from_pairs([("since", "2000-01-01")], NOW)
    assert steps(lambda: [*lists.stream(bounded)]) < 2 * steps(lambda: [*lists.stream(filters.from_pairs([], NOW))])


@pytest.mark.parametrize("name", ["pattern", "not_pattern", "not_axis", "only", "not_only"])
def test_many_values_of_a_filter_are_one_lookup_for_each_row(name: str) -> None:
    wanted = filters.from_pairs([(name, f"{number:016x}") for number in range(50)], 0)
    assert str(select(wanted, 10).query).count("EXISTS") == 1
