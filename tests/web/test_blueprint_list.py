"""Every Blueprint once, summed over its sources, in the order that was asked for."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anybody_reads(settings: Any) -> None:
    settings.PUBLIC_READ = True


def append(*entries: Entry, source: str = "api") -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", source)).append_batch(entries)


def blueprints(client: Client, **parameters: str) -> Page:
    response = client.get("/blueprints/", parameters)
    assert response.status_code == 200
    return read(response)


def rows(page: Page) -> list[list[str]]:
    body = page.all("tbody")[0].inside
    return [[each.words for each in row.inside if each.tag == "td"] for row in body if row.tag == "tr"]


def names(page: Page) -> list[str]:
    return [row[0] for row in rows(page)]


@pytest.fixture
def three(db: None) -> None:
    append(
        make_rejected(issue_id="1", blueprint_id="b", ts_ms=NOW_MS - 2),
        make_rejected(issue_id="2", blueprint_id="b", ts_ms=NOW_MS - 3),
        *(make_entry(issue_id=f"b{at}", blueprint_id="b", ts_ms=NOW_MS - 4) for at in range(6)),
        make_rejected(issue_id="3", blueprint_id="", ts_ms=NOW_MS - 1),
        make_entry(issue_id="4", blueprint_id="a", ts_ms=2**63 - 1),
    )
    append(make_entry(issue_id="5", blueprint_id="a", ts_ms=-1), source="host")


@pytest.mark.parametrize(
    ("parameters", "order"),
    [
        ({}, ["b", "(no name)", "a"]),
        ({"sort": "name"}, ["(no name)", "a", "b"]),
        ({"sort": "name", "order": "desc"}, ["b", "a", "(no name)"]),
        ({"sort": "runs"}, ["b", "a", "(no name)"]),
        ({"sort": "runs", "order": "asc"}, ["(no name)", "a", "b"]),
        ({"sort": "rejected", "order": "asc"}, ["a", "(no name)", "b"]),
        ({"sort": "rate"}, ["(no name)", "b", "a"]),
        ({"sort": "newest"}, ["(no name)", "b", "a"]),
        ({"sort": "newest", "order": "asc"}, ["b", "(no name)", "a"]),
    ],
)
def test_sorts_by_every_column_and_those_without_a_time_come_last(client, three, parameters, order) -> None:
    assert names(blueprints(client, **parameters)) == order


def test_sums_over_sources(client: Client, three: None) -> None:
    assert [row[:4] for row in rows(blueprints(client))] == [
        ["b", "8", "2", "25 %few runs"],
        ["(no name)", "1", "1", "100 %few runs"],
        ["a", "2", "0", "0 %few runs"],
    ]
    assert rows(blueprints(client))[2][5] == "no plausible time"


def test_headings_are_links_that_turn_the_order_round(client: Client, three: None) -> None:
    page = blueprints(client, sort="runs")
    hrefs = {link.words: link.attributes["href"] for link in page.all("a", class_="sort")}
    assert hrefs["Runs ↓"] == "?sort=runs&order=asc"
    assert hrefs["Blueprint"] == "?sort=name&order=asc"
    assert [each.words for each in page.all("th", aria_sort="descending")] == ["Runs ↓"]


def test_ids_are_links_whatever_they_hold(client: Client) -> None:
    ids = ["", "a/b", "50 %", "?#", "日本", "x" * 512, ".a"]
    append(*(make_entry(issue_id=f"h{at}", blueprint_id=each, ts_ms=NOW_MS) for at, each in enumerate(ids)))
    for link in blueprints(client).all("a", class_="mono id"):
        assert client.get(link.attributes["href"]).status_code == 200


def test_the_empty_id_has_its_timeline_in_the_query(client: Client, three: None) -> None:
    page = blueprints(client, blueprint_id="")
    assert not page.all("table", class_="all-blueprints")
    assert page.all("a", href="/entries/3?blueprint_id=") or "cite the file and line" in page.words


def test_any_other_id_in_the_query_leads_to_its_own_address(client: Client, three: None) -> None:
    response = client.get("/blueprints/?blueprint_id=a/b %25&since=7d&axis=x&axis=y")
    assert response.status_code == 302
    assert response["Location"] == "/blueprints/a%2Fb%20%25?since=7d&axis=x&axis=y"


def test_long_lists_come_in_pages(client: Client) -> None:
    append(*(make_entry(issue_id=f"h{at}", blueprint_id=f"b{at:03}", ts_ms=NOW_MS) for at in range(25)))
    first = blueprints(client, sort="name", page_size="10")
    assert "1 to 10 of 25" in first.words
    seen, page = names(first), first
    while more := [link.attributes["href"] for link in page.all("a", class_="btn")]:
        page = read(client.get(f"/blueprints/{more[0]}"))
        seen += names(page)
    assert seen == [f"b{at:03}" for at in range(25)]


def test_the_number_of_queries_does_not_grow(client: Client, django_assert_num_queries) -> None:
    append(make_entry(ts_ms=NOW_MS))
    with django_assert_num_queries(5):
        blueprints(client)
    append(*(make_entry(issue_id=f"h{at}", blueprint_id=f"b{at}", ts_ms=NOW_MS) for at in range(90)))
    with django_assert_num_queries(5):
        blueprints(client)


@pytest.mark.parametrize(
    ("name", "value"), [("sort", "colour"), ("order", "up"), ("skip", "x"), ("skip", "-1"), ("page_size", "0")]
)
def test_a_bad_value_is_a_bad_request_that_names_it(client: Client, three: None, name: str, value: str) -> None:
    response = client.get("/blueprints/", {name: value})
    assert response.status_code == 400
    assert f"{name}:" in read(response).words


def test_no_blueprint_yet_shows_what_fills_the_log(client: Client) -> None:
    assert "python3 manage.py import_log FILE" in blueprints(client).words


DAY = NOW_MS // DAY_MS * DAY_MS


def some_runs(name: str, rejected: int, runs: int, ts_ms: int) -> list[Entry]:
    common: dict[str, Any] = {"blueprint_id": name, "ts_ms": ts_ms}
    return [
        (make_rejected if at < rejected else make_entry)(issue_id=f"{name}-{ts_ms}-{at}", **common)
        for at in range(runs)
    ]


@pytest.fixture
def trends(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Now against the week before: worse of many runs, worse of few, better, without runs before, without runs now."""
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)
    before = DAY - 8 * DAY_MS
    append(*some_runs("worse", 2, 40, before), *some_runs("worse", 20, 40, DAY))
    append(*some_runs("few", 0, 2, before), *some_runs("few", 2, 2, DAY))
    append(*some_runs("Better", 30, 40, before), *some_runs("Better", 3, 40, DAY))
    append(*some_runs("same", 4, 40, before), *some_runs("same", 4, 40, DAY))
    append(*some_runs("new", 1, 3, DAY), *some_runs("gone", 1, 3, before))


def test_what_gets_worse_comes_first_and_few_runs_rank_low(client: Client, trends: None) -> None:
    page = blueprints(client, sort="change")
    assert names(page) == ["worse", "few", "same", "Better", "new"]
    assert [row[4] for row in rows(page)] == [
        "▲ +45 points", "▲ +100 points", "±0 points", "▼ −68 points", "no runs before"
    ]  # fmt: skip
    assert "12 – 18 Nov 2026 (whole days, UTC), compared with the 7 days before" in page.words
    assert names(blueprints(client, sort="change", order="asc"))[:2] == ["Better", "same"]


def test_a_period_counts_its_own_runs_and_its_links_lead_to_them(client: Client, trends: None) -> None:
    page = blueprints(client, period="7d", sort="name")
    assert [row[:3] for row in rows(page)][:2] == [["Better", "40", "3"], ["few", "2", "2"]]
    (link,) = [each for each in page.all("a") if each.words == "3" and "Better" in each.attributes["href"]]
    assert "3 entries" in read(client.get(link.attributes["href"])).words
    assert names(blueprints(client, period="all", sort="name")) == ["Better", "few", "gone", "new", "same", "worse"]
    assert names(blueprints(client, period="24h", sort="name")) == ["Better", "few", "new", "same", "worse"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("e", ["Better", "few", "gone", "new", "same", "worse"]), ("BET", ["Better"]), ("e*", []), ("g*", ["gone"])],
)
def test_names_are_searched(client: Client, trends: None, text: str, found: list[str]) -> None:
    page = blueprints(client, text=text, sort="name")
    assert ([] if not found else names(page)) == found
    assert [each.attributes["value"] for each in page.all("input", name="text")] == [text]
    assert "No such Blueprint ran." in page.words or found


def test_headings_and_periods_keep_the_search(client: Client, trends: None) -> None:
    page = blueprints(client, text="w", period="7d")
    (heading,) = [link for link in page.all("a", class_="sort") if link.words == "Change"]
    assert names(blueprints(client, **dict(parse_qsl(heading.attributes["href"][1:])))) == ["worse", "few", "new"]
    (longer,) = [link for link in page.all("a") if link.words == "30 d"]
    assert dict(parse_qsl(longer.attributes["href"][1:])) == {"text": "w", "period": "30d"}


def test_a_period_takes_the_same_statements_however_many_blueprints(client: Client, trends: None) -> None:
    with CaptureQueriesContext(connection) as few:
        blueprints(client, period="7d")
    append(*(make_entry(issue_id=f"h{at}", blueprint_id=f"b{at}", ts_ms=DAY) for at in range(90)))
    with CaptureQueriesContext(connection) as many:
        blueprints(client, period="7d")
    assert len(many) == len(few)
