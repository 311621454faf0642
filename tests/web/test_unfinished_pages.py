"""Pages of the runs without an entry in the log."""

from typing import Any

import pytest
from django.test import Client

from enhancelog.domain.observed import Settings as HostSettings
from enhancelog.domain.times import now_ms
from enhancelog.store import host_derivation, observed
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry
from tests.host.observed import make_issue, patch_of
from tests.pages import Page, read
from tests.recording import record

pytestmark = pytest.mark.django_db

NOON = 1_795_000_000_000
TIME_LIMIT = "dispatch failed: task ran into the ceiling declared by ttl_secs"
POINTER = "dispatch failed: dispatcher error for ref 'patch-applier': path not found at part 3: tools"


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def keep(found: Found, source: str = "host") -> None:
    observed.keep(source, found)
    host_derivation.settle()


def get(path: str, answered: int = 200) -> Page:
    response = Client().get(path)
    assert response.status_code == answered
    return read(response)


def rows(page: Page) -> list[str]:
    return [row.words for row in page.all("tr", data_row="")]


def logged(*numbers: int) -> None:
    """Runs of these issues, an hour apart."""
    record(*(make_entry(issue_id=f"h-{n}", ts_ms=NOON + n * 3_600_000) for n in numbers), source="host")


def issues(*numbers: int) -> list[Any]:
    return [make_issue(number, status="applied", detail="") for number in numbers]


def test_without_runs_the_page_names_the_command_that_fills_it() -> None:
    page = get("/unfinished/")
    assert "python3 manage.py import_host PATH --source NAME" in page.words
    assert not rows(page)


def test_runs_are_grouped_by_cause_blueprint_source_and_day() -> None:
    logged(1, 4)
    dead = [make_issue(2, detail=POINTER), make_issue(3, detail=POINTER, blueprint_id="other")]
    keep(Found(issues=[*issues(1, 4), *dead, make_issue(5, status="pending")]))
    page = get("/unfinished/")
    assert len(rows(page)) == 3
    (pointers,) = page.all("a", href="/unfinished/?cause=pointer")
    assert pointers.words == "Bad pointer"
    for address, words in (
        ("/unfinished/?blueprint_id=main", "main"),
        ("/unfinished/?blueprint_id=other", "other"),
        ("/unfinished/?source=host", "host"),
    ):
        assert {link.words for link in page.all("a", href=address)} == {words}
    assert "Wed 18 Nov 20262" in page.words
    assert "day not known1" in page.words


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["h-2", "h-3", "h-4"]),
        ("cause=pointer", ["h-2"]),
        ("status=pending", ["h-3"]),
        ("blueprint_id=", ["h-4"]),
        ("blueprint_id=&blueprint_id=main", ["h-2", "h-3", "h-4"]),
        ("source=nobody", []),
    ],
)
def test_filters_choose_the_runs(query: str, found: list[str]) -> None:
    dead = [make_issue(2, detail=POINTER), make_issue(3, status="pending"), make_issue(4, blueprint_id="")]
    keep(Found(issues=dead))
    page = get(f"/unfinished/?{query}")
    assert sorted(
        link.attributes["href"] for row in page.all("tr", data_row="") for link in row.all("a", class_="name two-lines")
    ) == [f"/unfinished/{issue_id}" for issue_id in found]


@pytest.mark.parametrize("query", ["cause=x", "status=x", "cursor=x", "page_size=x"])
def test_a_bad_value_names_its_parameter(query: str) -> None:
    assert query.partition("=")[0] in get(f"/unfinished/?{query}", 400).words


def test_pages_lead_on_to_older_runs() -> None:
    keep(Found(issues=[make_issue(number) for number in range(1, 4)]))
    first = get("/unfinished/?page_size=2")
    (older,) = first.addresses("Older runs")
    assert len(rows(first)) == 2
    assert len(rows(get(older))) == 1


def test_the_page_says_how_exactly_a_time_is_known() -> None:
    logged(1, 4)
    tried = patch_of(make_entry(ts_ms=NOON + 2 * 3_600_000), seq=9)
    committed = make_issue(2, detail="dispatch failed: dispatcher error for ref 'committer': gone")
    keep(Found(issues=[*issues(1, 4), committed, make_issue(3, detail=POINTER), make_issue(9)], patches=[tried]))
    keep(Found(issues=[make_issue(1, issue_id="alone")]), "elsewhere")
    said = {
        "h-2": ("18 Nov 2026 13:06:40 UTC", "Time exact"),
        "h-3": (
            "between 18 Nov 2026 12:06:40 UTC and 18 Nov 2026 15:06:40 UTC",
            "between the two neighbors in the log",
        ),
        "h-9": ("after 18 Nov 2026 15:06:40 UTC", "after the last run before it"),
        "alone": ("first seen", "when it was first seen here"),
    }
    for issue_id, texts in said.items():
        words = get(f"/unfinished/{issue_id}").words
        for text in texts:
            assert text in words, issue_id


def test_a_run_has_its_reason_operations_candidate_and_history() -> None:
    logged(1, 3)
    tried = patch_of(make_entry(ts_ms=NOON + 2 * 3_600_000), seq=9, candidate_hash=HASHES[5])
    keep(Found(issues=[*issues(1, 3), make_issue(2, status="inflight")], patches=[tried]))
    keep(
        Found(issues=[make_issue(2, detail="dispatch failed: dispatcher error for ref 'committer': the store is gone")])
    )
    page = get("/unfinished/h-2")
    assert "the store is gone" in page.words
    assert "1 operation" in page.words
    assert "Would have become" in page.words
    assert page.all("button", data_copy=HASHES[5])
    (changes,) = [section for section in page.all("section") if section.words.startswith("Changes of status")]
    assert [item.words.split()[0] for item in changes.all("li")] == ["died", "pending"]
    assert page.all("a", href="/blueprints/main")


@pytest.mark.parametrize(("detail", "warned"), [(TIME_LIMIT, True), (POINTER, False)])
def test_a_run_that_hit_the_time_limit_must_not_be_posted_again(detail: str, warned: bool) -> None:
    keep(Found(issues=[make_issue(2, detail=detail)]))
    for path in ("/unfinished/", "/unfinished/h-2"):
        assert ("It may still be working: do not post it again" in get(path).words) == (warned and "h-2" in path)


def test_a_pending_run_is_stuck_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = HostSettings(id="default", axes=("noop",), ttl_s=3, spawner="patch-spawner")
    keep(Found(issues=[make_issue(2, status="pending"), make_issue(3)], settings=[settings]))
    assert "stuck" not in get("/unfinished/").words
    now = now_ms() + 4000
    monkeypatch.setattr("enhancelog.web.pages.unfinished.now_ms", lambda: now)
    (pending, *_) = [row for row in rows(get("/unfinished/")) if row.startswith("pending")]
    assert "stuck" in pending
    assert "time limit of 3 s" in get("/unfinished/h-2").words
    assert "Stuck" not in get("/unfinished/h-3").words


def test_a_resolved_run_leads_to_its_entry() -> None:
    keep(Found(issues=[make_issue(2)]))
    logged(2)
    host_derivation.settle()
    assert not rows(get("/unfinished/"))
    assert len(rows(get("/unfinished/?status=resolved"))) == 1
    assert get("/unfinished/h-2").addresses("its entry") == ["/entries/h-2"]


def test_an_unknown_run_is_404_and_says_whether_it_was_logged() -> None:
    logged(1)
    assert get("/unfinished/h-1", 404).addresses("Open its entry") == ["/entries/h-1"]
    assert "No unfinished run has this id" in get("/unfinished/h-2", 404).words
    get("/unfinished/%00", 404)


def test_the_overview_counts_them_beside_its_figures() -> None:
    keep(Found(issues=[make_issue(9)]), "early")
    assert get("/").addresses("1 run never finished") == ["/unfinished/"]  # the log is empty
    logged(1, 9)
    host_derivation.settle()
    assert "never finished" not in get("/").words
    keep(Found(issues=[*issues(1), make_issue(2), make_issue(3, blueprint_id="other")]))
    assert get("/").addresses("2 runs never finished") == ["/unfinished/"]
    of_one = get("/?blueprint_id=other&period=all")
    assert of_one.addresses("1 run never finished") == ["/unfinished/?blueprint_id=other"]
    figures = [figure.words for figure in get("/?period=all").all("div", class_="kpi")]
    assert figures[0].startswith("Runs 2")


def test_a_blueprint_that_was_never_logged_is_no_link() -> None:
    keep(Found(issues=[make_issue(2, blueprint_id="ghost")]))
    page = get("/unfinished/h-2")
    assert not page.addresses("ghost")
    assert "It has no entry in the log." in page.words


def test_hostile_texts_are_text_and_bounded() -> None:
    long = "<xss-tag>" * 5000
    keep(Found(issues=[make_issue(2, intent=long, detail=f"dispatch failed: {long}", blueprint_id="<xss-tag>")]))
    for path in ("/unfinished/", "/unfinished/h-2"):
        response = Client().get(path)
        assert not read(response).all("xss-tag")
        assert len(response.content) < 120_000


@pytest.mark.parametrize("number", [1, 30])
def test_statements_do_not_grow_with_the_runs(number: int, django_assert_max_num_queries: Any) -> None:
    keep(Found(issues=[make_issue(n, blueprint_id=f"b-{n}") for n in range(1, number + 1)]))
    with django_assert_max_num_queries(4):  # SQLite needs one less
        get("/unfinished/")
    with django_assert_max_num_queries(6):
        get("/unfinished/h-1")
