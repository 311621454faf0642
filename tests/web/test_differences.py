"""The page that shows what is different about the entries of a list."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from enhancelog import links
from tests.counted import rows_behind
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

LABEL = "What is different about these?"


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)


def some_runs() -> None:
    word = {True: "cite the <b> file", False: "shorten the prompt"}
    record_all(
        [
            *(
                make_rejected(
                    "noop", issue_id=f"r{n}", rationale="x" * 50, intent=word[n % 5 > 0], meta={"model": "m"},
                    ops=[{"op": "remove", "path": "/agents/0"}], ts_ms=NOW_MS - n,
                )
                for n in range(40)
            ),
            *(
                make_entry(
                    issue_id=f"a{n}", rationale="x" * 150, intent=word[n % 5 == 0],
                    meta={"model": "m" if n % 4 else ""},
                    blueprint_id="" if n % 2 else "main", ts_ms=NOW_MS - n,
                )
                for n in range(60)
            ),
            *(make_entry(issue_id=f"o{n}", blueprint_id="other", verdicts=[], ts_ms=NOW_MS - n) for n in range(30)),
        ]
    )  # fmt: skip


def differences(client: Client, **parameters: str) -> Page:
    response = client.get("/differences/", parameters)
    assert response.status_code == 200
    return read(response)


def rows(page: Page) -> list[list[str]]:
    return [[each.words for each in row.inside if each.tag in ("th", "td")] for row in page.all("tr")][1:]


def shares(page: Page) -> list[tuple[str, int]]:
    """Links of bars, with the numbers beside them."""
    found = [(each.attributes["href"], each.words.split(" % ")[1]) for each in page.all("a", class_="share")]
    return [(href, int(words.split(" of ")[0].replace(",", ""))) for href, words in found]


def test_features_strongest_first(client: Client) -> None:
    some_runs()
    page = differences(client, status="rejected")
    assert "40 entries compared with 90 entries: all others." in page.words
    found = rows(page)
    assert ["Rationale under 120 characters", "100 % 40 of 40", "33 % 30 of 90"] in [row[:3] for row in found]
    assert "Patch has an operation remove" in [row[0] for row in found]
    assert "Word of the intent cite" in [row[0] for row in found]
    assert not any(row[0].startswith(("Denied by", "Status")) for row in found)
    with_it = next(row for row in found if row[0] == "Rationale under 120 characters")
    assert with_it[4] == "57 % 40 of 70"


@pytest.mark.parametrize(
    "parameters",
    [
        {"status": "rejected"},
        {"status": "rejected", "blueprint_id": "main"},
        {"blueprint_id": ""},
        {"word": "cite", "since": "2026-11-01"},
        {"axis": "noop", "against": "status=applied&until=2027-01-01"},
        {"not_status": "rejected", "meta.model": "m"},
    ],
)
def test_every_number_is_that_of_the_rows_behind_it(client: Client, parameters: dict[str, str]) -> None:
    some_runs()
    page = differences(client, **parameters)
    found = shares(page)
    assert len(found) >= 4
    for url, number in found:
        assert rows_behind(url) == number, url
        assert client.get(url).status_code == 200
    for side in page.all("a", class_="link")[:2]:
        assert rows_behind(side.attributes["href"]) == int(side.words)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("/rejections/", {"status": "rejected"}),
        ("/rejections/?axis=noop&since=7d", {"status": "rejected", "axis": "noop", "since": "7d"}),
        (
            "/rejections/?blueprint_id=main",
            {"status": "rejected", "blueprint_id": "main", "against": "status=applied&blueprint_id=main"},
        ),
        ("/search/?text=a", {"text": "a"}),
        ("/blueprints/main", {"blueprint_id": "main"}),
        ("/blueprints/?blueprint_id=", {"blueprint_id": ""}),
    ],
)
def test_every_list_leads_to_it(client: Client, url: str, asked: dict[str, str]) -> None:
    some_runs()
    (link,) = [each for each in read(client.get(url)).all("a") if each.words == LABEL]
    address = urlsplit(link.attributes["href"])
    assert address.path == "/differences/"
    pairs = dict(parse_qsl(address.query, keep_blank_values=True))
    if "against" in pairs:
        pairs["against"] = "&".join(sorted(pairs["against"].split("&"), reverse=True))
    assert pairs == asked
    assert client.get(link.attributes["href"]).status_code == 200


def test_a_pattern_leads_to_it(client: Client) -> None:
    some_runs()
    (url,) = {each.attributes["href"] for each in read(client.get("/patterns/?period=all")).all("a")
              if each.attributes["href"].startswith("/patterns/") and each.attributes["href"].count("/") == 2
              and "?" not in each.attributes["href"] and each.attributes["href"] != "/patterns/"}  # fmt: skip
    (link,) = [each for each in read(client.get(url)).all("a") if each.words == LABEL]
    assert "40 entries compared with" in read(client.get(link.attributes["href"])).words


def test_a_list_of_everything_has_nothing_to_compare_with(client: Client) -> None:
    some_runs()
    assert LABEL not in read(client.get("/search/")).words
    for parameters in ({}, {"since": "7d"}):
        assert "Choose a filter" in differences(client, **parameters).words


def test_other_filters_to_compare_with_are_offered(client: Client) -> None:
    some_runs()
    page = differences(client, status="rejected", blueprint_id="main")
    offered = {each.words: each.attributes for each in page.all("a", class_="tag") + page.all("a", class_="tag mono")}
    assert "aria-current" in offered["all others"]
    other = offered["blueprint:main status:applied"]["href"]
    page = read(client.get(other))
    assert "40 entries compared with 30 entries: blueprint:main status:applied." in page.words
    assert client.get("/differences/?q=axis:noop&against=status%3Dapplied").headers["Location"] == (
        "/differences/?against=status%3Dapplied&axis=noop"
    )


def test_a_long_log_is_compared_after_the_page_has_come(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    some_runs()
    monkeypatch.setattr("enhancelog.web.pages.differences.AT_ONCE", 10)
    page = differences(client, status="rejected")
    assert "Comparing 40 entries with 90 others" in page.words
    (waiting,) = [each for each in page.all("div") if each.attributes.get("hx-trigger") == "load"]
    fragment = read(client.get(waiting.attributes["hx-get"], headers={"HX-Request": "true"}))
    assert rows(fragment)
    assert not fragment.all("h1")
    whole = differences(client, status="rejected", whole="1")
    assert rows(whole) == rows(fragment)
    assert (
        b'<noscript><meta http-equiv="refresh" content="0; url=/differences/?status=rejected&amp;whole=1">'
        in client.get("/differences/", {"status": "rejected"}).content
    )


def test_few_entries_and_none(client: Client) -> None:
    assert "Too few" in differences(client, status="rejected").words
    record(make_rejected("noop", ts_ms=NOW_MS))
    assert "1 entry compared with 0 entries" in differences(client, status="rejected").words
    record_all(make_rejected("noop", issue_id=f"r{n}", ts_ms=NOW_MS) for n in range(30))
    record_all(make_entry(issue_id=f"a{n}", ts_ms=NOW_MS) for n in range(30))
    assert "Rationale" not in differences(client, status="rejected").words


@pytest.mark.parametrize(
    "query",
    ["status=odd", "status=rejected&against=odd", "status=rejected&against=hour%3Dnoon", "matching=status", "hour=x",
     "status=rejected&against=a%3D1&against=b%3D1", "matching=a%3D1", f"text={'x' * 2000}"],
)  # fmt: skip
def test_a_bad_filter_is_refused(client: Client, query: str) -> None:
    some_runs()
    assert client.get(f"/differences/?{query}").status_code == 400


def test_a_filter_that_no_page_takes_has_no_links(client: Client) -> None:
    some_runs()
    text = "日" * 400
    page = differences(client, not_text=text, status="rejected")
    assert "40 entries compared with 90 entries" in page.words
    assert all(rows_behind(url) == number for url, number in shares(page))
    assert links.differences([("status", "rejected")]) == "/differences/?status=rejected"


def test_it_can_be_copied_as_a_prompt(client: Client) -> None:
    some_runs()
    page = differences(client, status="rejected")
    assert page.all("a", data_copy_of="prompt", href="#prompt")
    (text,) = page.all("pre", id="prompt")
    assert text.text == client.get("/v1/enhance/differences?status=rejected&format=text").content.decode()
    assert not differences(client, axis="nobody").all("pre", id="prompt")


def test_the_attempt_is_a_feature(client: Client) -> None:
    record_all(
        make_rejected("noop", issue_id=f"r{at}", intent=f"intent {at // 2}", ts_ms=NOW_MS - at) for at in range(60)
    )
    record_all(make_entry(issue_id=f"a{at}", intent=f"other {at}", ts_ms=NOW_MS - at) for at in range(60))
    page = differences(client, status="rejected")
    (later,) = [row for row in rows(page) if row[0] == "Attempt a later one at the intent"]
    assert ("30 of 60" in later[1], "0 of 60" in later[2]) == (True, True)
    assert not [row for row in rows(differences(client, attempt="later")) if row[0].startswith("Attempt")]
