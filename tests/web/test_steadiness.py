"""The page of steadiness: which axes contradict themselves, and which denials may have been wrong."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog import links
from enhancelog.domain.observed import Version
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from enhancelog.queries import steadiness as log
from enhancelog.store import host_derivation, observed
from enhancelog.store.observed import Found
from enhancelog.web.pages.steadiness import MOST_ROWS
from tests.factories import HASHES, make_entry, make_rejected
from tests.pages import Page, read
from tests.plans import whole_tables
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

PERIODS = ("24h", "7d", "all")
DENIED, APPLIED = HASHES[3], HASHES[4]


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)


def get(client: Client, url: str = "/steadiness/", **parameters: str) -> Page:
    response = client.get(url, parameters)
    assert response.status_code == 200
    return read(response)


def table(page: Page, label: str) -> list[list[str]]:
    (found,) = [each for each in page.elements if each.attributes.get("aria-label") == label]
    rows = [[each.words for each in row.inside if each.tag in ("th", "td")] for row in found.all("tr")]
    return rows[1:]


def judged(issue_id: str, at: int, *denied: str, candidate: str = DENIED, **changes: Any) -> Entry:
    """Each with a rationale of its own."""
    given: dict[str, Any] = {"issue_id": issue_id, "ts_ms": NOW_MS - 1000 + at, "rationale": f"because {issue_id}"}
    if denied:
        return make_rejected(*denied, candidate_hash=candidate, **given | changes)
    return make_entry(**{"new_hash": candidate} | given | changes)


@pytest.mark.parametrize("period", PERIODS)
def test_how_often_each_axis_contradicts_itself(client: Client, period: str) -> None:
    record(judged("a", 1, "noop"), judged("b", 2), judged("c", 3, "noop"), judged("d", 4, "noop"))
    page = get(client, period=period)
    assert table(page, "Axes") == [
        ["noop", "2 of 3", "67 %too few", "1", "1"],
        ["des", "0 of 3", "0 %too few", "0", "0"],
    ]
    again = table(page, "Judged differently")
    assert [row[:2] for row in again] == [["noop", "passed → denied"], ["noop", "denied → passed"]]
    assert again[0][4:] == ["hash of the candidate", "Rationale, outcomeCompare"]
    assert "weaker evidence" not in page.words
    assert [row[:2] for row in table(page, "Denied, then applied")] == [["noop", "denied → passed"]]


def test_a_suspect_leads_to_its_review(client: Client) -> None:
    record(judged("a", 1, "noop"), judged("b", 2))
    assert set(get(client, period="all").addresses("Review")) == {links.review("a", [("axis", "noop")])}
    assert not get(client, "/axes/noop", period="all").addresses("Review")


def test_the_same_words_are_weaker_evidence(client: Client) -> None:
    record(
        make_rejected("noop", issue_id="a", ts_ms=NOW_MS - 2, rationale="because"),
        make_entry(issue_id="b", ts_ms=NOW_MS - 1, rationale="because"),
    )
    (row,) = table(get(client), "Judged differently")
    assert row[4] == "document before, intent and rationale weaker evidence"
    assert row[5] == "OutcomeCompare"


def test_a_denial_whose_axis_was_switched_off_may_have_been_wrong(client: Client) -> None:
    record(judged("a", 1, "tone"), judged("b", 2, verdicts=[]))
    page = get(client)
    assert [row[:2] for row in table(page, "Denied, then applied")] == [["tone", "denied → not judged"]]
    assert "No axis judged the same candidate twice in this period." in page.words


def test_a_denial_whose_candidate_was_made_by_hand_may_have_been_wrong(client: Client) -> None:
    record(judged("a", 1, "tone"), judged("early", 9, "tone", candidate=APPLIED), source="host")
    made: dict[str, Any] = {"blueprint_id": "main", "made_by": "hand", "rationale": "", "prev_hash": HASHES[0]}
    versions = [
        Version(hash=DENIED, number=1, ts_ms=NOW_MS - 500, **made),
        Version(hash=APPLIED, number=2, ts_ms=NOW_MS - 992, **made),  # before the denial
        Version(hash=DENIED, number=3, ts_ms=None, **made),
    ]
    observed.keep("host", Found(versions=versions))
    host_derivation.settle()
    page = get(client)
    assert [row[0] for row in table(page, "Denied, then made by hand")] == ["tone"]
    assert links.entry("a") in {link.attributes["href"] for link in page.all("a")}
    assert links.entry("early") not in {link.attributes["href"] for link in page.all("a")}
    assert "Denied, then made by hand" not in {
        each.attributes.get("aria-label") for each in get(client, axis="noop").all("div")
    }


@pytest.mark.parametrize("issue_id", ["a", "b"])
def test_both_runs_say_so_on_their_pages_and_in_lists(client: Client, issue_id: str) -> None:
    record(judged("a", 1, "noop"), judged("b", 2), judged("other", 3, candidate=APPLIED))
    page = get(client, links.entry(issue_id))
    assert "judged differently" in {badge.words for badge in page.all("span", class_="badge")}
    other = "b" if issue_id == "a" else "a"
    assert {links.entry(other), links.comparison(issue_id, other)} <= {
        each.attributes.get("href") for each in page.all("a")
    }
    listed = get(client, "/search/", has="flip")
    assert "judged differently again" in get(client, "/rejections/").words
    assert links.entry("other", [("has", "flip")]) not in {each.attributes.get("href") for each in listed.all("a")}
    assert "judged differently" not in get(client, links.entry("other")).words


def test_an_axis_says_so_on_its_page(client: Client) -> None:
    record(judged("a", 1, "noop"), judged("b", 2))
    page = get(client, links.axis("noop"))
    assert "Judged differently: 1 of 1, 100 %, too few to tell." in page.words
    assert len(table(page, "Judged differently")) == 1
    assert "Judged differently: 0 of 1, 0 %, too few to tell." in get(client, links.axis("des")).words
    record(judged("c", 3, "tone", candidate=APPLIED))
    assert "It judged no candidate twice in this period." in get(client, links.axis("tone")).words


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(["noop", "tone"])), st.sampled_from(HASHES[3:5])), min_size=2, max_size=9
    ),
    st.sampled_from(PERIODS),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_number_is_that_of_the_rows_behind_it(client: Client, runs: list[tuple[set[str], str]], period: str) -> None:
    with transaction.atomic():
        record_all(judged(f"{at}", at, *sorted(denied), candidate=hash) for at, (denied, hash) in enumerate(runs))
        page = get(client, period=period)
        counted = 0
        for link in page.all("a"):
            url = urlsplit(link.attributes.get("href", ""))
            if url.path == "/steadiness/" and link.words.isdigit():
                behind = get(client, link.attributes["href"])
                kind = dict(parse_qsl(url.query))["kind"]
                heading = next(each.words for each in behind.all("h2") if each.attributes.get("id") == "list")
                assert len(table(behind, heading)) == int(link.words), (kind, url)
                counted += 1
        assert counted or "No axis judged the same candidate twice" in page.words
        transaction.set_rollback(True)


def test_a_long_list_has_pages(client: Client) -> None:
    record_all(judged(f"{at}", at, *(["noop"] if at % 2 else [])) for at in range(MOST_ROWS + 3))
    page = get(client, axis="noop")
    assert len(table(page, "Judged differently")) == MOST_ROWS
    (older,) = [link for link in page.all("a") if link.words == "Older"]
    assert len(table(get(client, older.attributes["href"]), "Judged differently")) == 2
    assert f"{MOST_ROWS + 1} to {MOST_ROWS + 2} of {MOST_ROWS + 2}" in get(client, older.attributes["href"]).words


def test_figures_beyond_the_limit_are_of_the_newest(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_READ", 3)
    record(*(judged(f"{at}", at, "noop") for at in range(5)))
    page = get(client)
    assert "Of the newest 3 judgements that repeat another." in page.words
    assert table(page, "Axes")[0][1] == "0 of 2+"


@pytest.mark.parametrize("axis", ["nobody", "\0", "x" * 600, "<b>", "日本"])
def test_an_axis_that_never_judged_has_no_rows(client: Client, axis: str) -> None:
    record(judged("a", 1, "noop"), judged("b", 2))
    assert "No axis judged the same candidate twice in this period." in get(client, axis=axis).words


@pytest.mark.parametrize("parameters", ["kind=odd", "kind=flips&kind=flips", "skip=-1", "axis=a&axis=b", "period=9x"])
def test_a_bad_value_is_refused(client: Client, parameters: str) -> None:
    record(make_entry())
    assert client.get(f"/steadiness/?{parameters}").status_code == 400


def test_an_empty_log_and_an_empty_period(client: Client) -> None:
    assert any("import_log FILE" in element.text for element in get(client).all("pre"))
    record(judged("a", 1, "noop"), judged("b", 2), judged("now", 3 - 100 * DAY_MS, candidate=APPLIED))
    assert "May have been wrong" in get(client, period="7d").words
    assert "May have been wrong" not in get(client, period="yesterday").words


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("kind", log.KINDS)
def test_a_fixed_number_of_queries_each_on_an_index(client: Client, period: str, kind: str) -> None:
    def asked() -> CaptureQueriesContext:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/steadiness/", {"period": period, "kind": kind, "axis": "noop"}).status_code == 200
        return captured

    record(judged("a", 1, "noop"), judged("b", 2))
    few = asked()
    record_all(judged(f"{at}", at, *(["noop"] if at % 3 else []), candidate=f"{at % 9}") for at in range(3, 120))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    many = asked()
    assert len(few) == len(many) <= 13
    # Along an index, up to a limit.
    assert whole_tables(many) <= ({"version", "rejudgement"} if period == "all" else {"version"})


def test_the_flips_of_an_entry_are_found_by_index_however_many_there_are(client: Client) -> None:
    record_all(judged(f"{at}", at, *(["noop"] if at % 2 else [])) for at in range(300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        found = log.of_entry(150)
    assert [(each.earlier.issue_id, each.later.issue_id) for each in found] == [("149", "150"), ("148", "149")]
    assert whole_tables(captured) == set()
