"""The pages of axes: what each judged and denied, alone or with whom, and whether it is worth having."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog import links
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.plans import DAILY, whole_tables
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

PERIODS = ("24h", "7d", "all")


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)


def axes(client: Client, **parameters: str) -> Page:
    response = client.get("/axes/", parameters)
    assert response.status_code == 200
    return read(response)


def axis(client: Client, name: str, **parameters: str) -> Page:
    response = client.get(links.axis(name), parameters)
    assert response.status_code == 200
    return read(response)


def rows(page: Page) -> list[list[str]]:
    return [[each.words for each in row.inside if each.tag in ("th", "td")] for row in page.all("tr")][1:]


def attempts(*denied: tuple[str, ...], **changes: Any) -> list[Entry]:
    """Runs at one intent, a millisecond apart, each denied by these axes."""
    found = []
    for at, names in enumerate(denied):
        given: dict[str, Any] = {"issue_id": f"{changes} {at}", "ts_ms": NOW_MS - 1000 + at} | changes
        found.append(make_rejected(*names, **given) if names else make_entry(verdicts=[], **given))
    return found


@pytest.mark.parametrize("period", PERIODS)
def test_each_axis_with_what_came_next_and_whether_it_is_worth_having(client: Client, period: str) -> None:
    record_all(attempts(("noop", "tone"), ("noop", "tone"), ("noop",), ()))
    record_all(attempts(("size", "tone"), ("size", "noop"), intent="skip"))
    assert rows(axes(client, period=period)) == [
        ["noop", "4 of 4", "100 %few runs", "the only one to deny 1 of 4, few runs", "1", "2", "0", "1"],
        ["tone", "3 of 3", "100 %few runs", "may go: never the only one to deny, few runs", "0", "1", "2", "0"],
        ["size", "2 of 2", "100 %few runs", "may go: never the only one to deny, few runs", "0", "1", "0", "1"],
        [
            "des",
            "0 of 5",
            "0 %few runs",
            "may go: judged 5 runs, denied none that was rejected, few runs",
            "0",
            "0",
            "0",
            "0",
        ],
    ]


def test_an_axis_that_only_repeats_another_says_which(client: Client) -> None:
    record_all(attempts(("noop", "tone"), ("noop", "tone"), ("noop",)))
    assert "noop denied all the same runs" in axes(client).words
    assert "noop denied all the same runs" in axis(client, "tone").words
    assert "noop denied all the same runs" not in axis(client, "noop").words


@pytest.mark.parametrize("period", PERIODS)
def test_an_axis_has_a_page(client: Client, period: str) -> None:
    record_all([*attempts(("noop", "tone"), ("noop",), ()), *attempts(("noop",), blueprint_id="other")])
    page = axis(client, "noop", period=period)
    assert "Denied 3 100 % of judged runs, which are few" in page.words
    assert "No other denied 2 67 % of its denials" in page.words
    assert ["Applied", "1 of 3", "33 %few runs"] in rows(page)
    assert ["Denied by the same", "1 of 3", "33 %few runs"] in rows(page)
    assert "main 2 of 2" in page.words
    assert "other 1 of 1" in page.words
    assert "tone 1" in page.words


def test_an_axis_can_be_copied_as_a_prompt(client: Client) -> None:
    record(
        make_rejected("noop", issue_id="new", ts_ms=NOW_MS), make_rejected("noop", issue_id="old", ts_ms=NOW_MS // 2)
    )
    page = axis(client, "noop", period="7d")
    assert page.all("a", data_copy_of="prompt", href="#prompt")
    (text,) = page.all("pre", id="prompt")
    assert "> run: new" in text.text
    assert "> run: old" not in text.text
    (text,) = axis(client, "noop", period="all").all("pre", id="prompt")
    assert text.text == client.get("/v1/enhance/axes/noop?format=text").content.decode()


def test_it_says_when_it_judged_first_and_last(client: Client) -> None:
    record(make_entry(issue_id="a", ts_ms=NOW_MS - 3 * DAY_MS), make_entry(issue_id="b", ts_ms=NOW_MS))
    record(make_entry(issue_id="c", ts_ms=-1))
    words = axis(client, "noop", period="24h").words
    assert "First judged on Sun 15 Nov 2026, last on Wed 18 Nov 2026." in words


def test_runs_without_a_plausible_time_only(client: Client) -> None:
    record(make_rejected("noop", ts_ms=-1))
    assert "No run in this period has a plausible time." in axis(client, "noop", period="all").words


@pytest.mark.parametrize("name", ["nobody", "..", "\0", "x" * 600, "\ud800"])
def test_what_never_judged_is_not_found(client: Client, name: str) -> None:
    record(make_entry())
    assert client.get(links.axis(name.encode("utf-8", "replace").decode())).status_code == 404


@pytest.mark.parametrize("name", ["a/b %?#", "日本", "<b>&", " ", "x" * 512, "/"])
def test_odd_names_have_a_page_too(client: Client, name: str) -> None:
    record(make_rejected(name, ts_ms=NOW_MS))
    assert links.axis(name, [("period", "7d")]) in {link.attributes["href"] for link in axes(client).all("a")}
    assert name in {each.text for each in axis(client, name).all("bdi")}


def test_an_empty_log_and_an_empty_period(client: Client) -> None:
    assert any("import_log FILE" in element.text for element in axes(client).all("pre"))
    record(make_entry(ts_ms=NOW_MS - 100 * DAY_MS))
    assert "No axis judged in this period." in axes(client, period="7d").words
    assert "It denied no run in this period." in axis(client, "noop", period="7d").words


@pytest.mark.parametrize("url", ["/axes/", links.axis("noop")])
@pytest.mark.parametrize("period", PERIODS)
def test_a_fixed_number_of_queries_each_on_an_index(client: Client, url: str, period: str) -> None:
    def asked() -> CaptureQueriesContext:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url, {"period": period}).status_code == 200
        return captured

    record(make_rejected("noop", "tone", issue_id="first", ts_ms=NOW_MS - 1))
    few = asked()
    record_all(
        make_rejected(f"axis-{at % 30}", "noop", issue_id=f"{at}", blueprint_id=f"{at % 60}", ts_ms=NOW_MS - 1 - at)
        for at in range(120)
    )
    many = asked()
    assert len(few) == len(many) <= (10 if url == "/axes/" else 23)
    assert whole_tables(many) <= (DAILY if period == "all" else set())


def test_the_axes_of_chosen_blueprints(client: Client) -> None:
    record_all(
        [*attempts(("noop",)), *attempts(("tone",), blueprint_id="team-a"), *attempts((), blueprint_id="team-b")]
    )
    page = axes(client, blueprint_prefix="team-", period="7d")
    assert [row[:2] for row in rows(page)] == [["tone", "1 of 1"], ["des", "0 of 1"]]
    hrefs = {link.words: link.attributes["href"] for link in page.all("a")}
    assert hrefs["blueprint:team-* ×"] == "?period=7d"
    assert "blueprint_prefix=team-" in hrefs["What if…"]
    assert client.get("/axes/", {"blueprint_prefix": "x" * 2000}).status_code == 400


def test_a_verdict_of_an_entry_leads_to_its_axis(client: Client) -> None:
    record(make_rejected("a/b %", ts_ms=NOW_MS))
    page = read(client.get("/entries/h-1"))
    assert [link.attributes["href"] for link in page.all("a", class_="who")] == [links.axis("a/b %"), links.axis("des")]
