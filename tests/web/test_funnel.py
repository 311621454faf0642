"""The page of the funnel: how many attempts an intent takes, in all, by Blueprint and over time."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from enhancelog.queries.unfinished import page as unfinished_page
from enhancelog.queries.unfinished import parse
from tests.factories import make_entry, make_rejected
from tests.host.observed import report
from tests.pages import Page, read
from tests.plans import whole_tables
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

PERIODS = ("24h", "7d", "all")
HEADINGS = ["Blueprint", "Intents", "Applied at first", "Rate", "Applied later", "Given up", "Median time"]


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    for module in ("store.writing", "web.periods", "web.pages.funnel"):
        monkeypatch.setattr(f"enhancelog.{module}.now_ms", lambda: NOW_MS)


def funnel(client: Client, **parameters: str) -> Page:
    response = client.get("/funnel/", parameters)
    assert response.status_code == 200
    return read(response)


def rows(page: Page, label: str) -> list[list[str]]:
    (region,) = page.all("section", aria_label=label)
    return [[each.words for each in row.inside if each.tag in ("th", "td")] for row in region.all("tr")][1:]


def attempts(intent: str, *outcomes: str, at_ms: int = NOW_MS - 3_600_000, **changes: Any) -> list[Entry]:
    """``outcomes``: a letter each, a minute apart, for applied and rejected."""
    made = []
    for number, outcome in enumerate("".join(outcomes)):
        make = make_entry if outcome == "a" else make_rejected
        issue_id = f"{intent} {changes} {at_ms} {number}"
        made.append(make(intent=intent, issue_id=issue_id, ts_ms=at_ms + number * 60_000, **changes))
    return made


@pytest.mark.parametrize("period", PERIODS)
def test_what_became_of_intents(client: Client, period: str) -> None:
    record_all([*attempts("one", "a"), *attempts("two", "rra"), *attempts("three", "rr"), *attempts("four", "a")])
    record_all(attempts("five", "rrrra", blueprint_id="other"))
    page = funnel(client, period=period)
    words = page.words
    assert "Applied at the first attempt 2 40 % of 5 intents, which are few" in words
    assert "Applied later 2 40 % of 5 intents, which are few" in words
    assert "Rejected and given up 1 20 % of 5 intents, which are few" in words
    assert "2 of 5 were applied, 40 %, few runs." in words
    assert words.partition("Time to applied ")[2].startswith("Median 2 to 3 min 90th percentile 3 to 5 min")
    assert [line[:7] for line in rows(page, "Blueprints")] == [
        ["main", "4", "2 of 4", "50 %few runs", "1", "1", "2 to 3 min"],
        ["other", "1", "0 of 1", "0 %few runs", "1", "0", "3 to 5 min"],
    ]
    (table,) = (each for each in page.all("table") if each.words.startswith("Ended with the"))
    assert [[each.words for each in row.inside if each.tag in ("th", "td")] for row in table.all("tr")][1:] == [
        ["first", "2", "0"],
        ["second", "0", "1"],
        ["third", "1", "0"],
        ["fourth or later", "1", "0"],
    ]


def test_what_was_given_up_lately_may_still_be_tried_again(client: Client) -> None:
    record_all([*attempts("one", "r"), *attempts("two", "r", at_ms=NOW_MS - 30 * DAY_MS)])
    words = funnel(client, period="90d").words
    assert "1 since Wed 11 Nov 2026 may still be tried again" in words
    assert "may still be tried again" not in funnel(client, period="yesterday").words


@pytest.mark.parametrize("since", ["1970-01-02T00:00:01Z", "1970-01-02t00:00:01z", "1970-01-02 00:00:01Z"])
def test_unfinished_runs_since_a_moment_as_rfc_3339_writes_it(since: str) -> None:
    assert parse({"since": [since]}).since_ms == DAY_MS + 1000


@pytest.mark.parametrize("period", PERIODS)
def test_unfinished_runs_of_the_same_days_and_blueprints(client: Client, period: str) -> None:
    record(make_entry(ts_ms=NOW_MS))
    report("today", ts_ms=NOW_MS)
    report("long ago", ts_ms=NOW_MS - 30 * DAY_MS)
    report("of another", ts_ms=NOW_MS, blueprint_id="other")
    for scope, number in (({}, 2), ({"blueprint_id": "main"}, 1), ({"blueprint_prefix": "ot"}, 1)):
        page = funnel(client, period=period, **scope)
        wanted = number + (period == "all" and "blueprint_prefix" not in scope)
        (link,) = (each for each in page.all("a") if each.attributes.get("href", "").startswith("/unfinished/"))
        assert link.words == str(wanted)
        query = link.attributes["href"].partition("?")[2]
        asked = dict(pair.split("=") for pair in query.split("&") if pair)
        assert len(unfinished_page(parse({name: [value] for name, value in asked.items()}), 100).runs) == wanted


@pytest.mark.parametrize(
    ("sort", "order", "first"),
    [
        ("", "", "many"),
        ("name", "", "few"),
        ("intents", "asc", "few"),
        ("rate", "", "many"),
        ("later", "", "slow"),
        ("given-up", "", "few"),
        ("median", "", "slow"),
        ("p90", "asc", "many"),
    ],
)
def test_blueprints_can_be_sorted(client: Client, sort: str, order: str, first: str) -> None:
    record_all([each for intent in "abc" for each in attempts(intent, "a", blueprint_id="many")])
    record_all([*attempts("a", "r", blueprint_id="few"), *attempts("a", "ra", "a", blueprint_id="slow")])
    given = {name: value for name, value in (("sort", sort), ("order", order)) if value}
    page = funnel(client, **given)
    found = [line[0] for line in rows(page, "Blueprints")]
    assert sorted(found) == ["few", "many", "slow"]
    assert found[0] == first


def test_a_bad_value_names_its_parameter(client: Client) -> None:
    record(make_entry())
    for parameters in ({"sort": "x"}, {"order": "x"}, {"period": "73h"}, {"blueprint_prefix": "x" * 2000}):
        response = client.get("/funnel/", parameters)
        assert response.status_code == 400
        assert next(iter(parameters)).partition("_")[0] in read(response).words or "filter" in read(response).words


def test_the_funnel_of_chosen_blueprints(client: Client) -> None:
    record_all([*attempts("one", "a"), *attempts("one", "r", blueprint_id="team-a")])
    page = funnel(client, blueprint_prefix="team-", period="7d")
    assert [line[:2] for line in rows(page, "Blueprints")] == [["team-a", "1"]]
    hrefs = {link.words: link.attributes["href"] for link in page.all("a")}
    assert hrefs["blueprint:team-* ×"] == "?period=7d"
    assert "blueprint_prefix=team-" in hrefs["30 d"]
    assert "blueprint_prefix=team-" in hrefs["Given up"]


def test_an_empty_log_and_an_empty_period(client: Client) -> None:
    assert any("import_log FILE" in element.text for element in funnel(client).all("pre"))
    record(make_entry(ts_ms=NOW_MS - 100 * DAY_MS))
    assert "No intent ended in this period." in funnel(client, period="7d").words


def test_runs_without_a_plausible_time_only(client: Client) -> None:
    record(make_rejected("noop", ts_ms=-1))
    page = funnel(client, period="all")
    assert "No run in this period has a plausible time." in page.words
    assert "1 without a plausible time" in page.words


@pytest.mark.parametrize("period", PERIODS)
def test_a_fixed_number_of_queries_each_on_an_index(client: Client, period: str) -> None:
    def asked() -> CaptureQueriesContext:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/funnel/", {"period": period}).status_code == 200
        return captured

    record(make_rejected("noop", issue_id="first", ts_ms=NOW_MS - 1))
    few = asked()
    record_all(
        each
        for at in range(110)
        for each in attempts(f"intent {at}", "rra", blueprint_id=f"{at}", at_ms=NOW_MS - DAY_MS // 2 + at)
    )
    many = asked()
    assert len(few) == len(many) <= 12
    assert whole_tables(many) <= ({"intenttally", "intenttimetally", "statustally"} if period == "all" else set())
    page = funnel(client, period=period)
    assert len(rows(page, "Blueprints")) == 100
    assert "11 more Blueprints." in page.words
