"""Pages of the runs without an entry in the log."""

from typing import Any

import pytest
from django.test import Client

from enhancelog.domain.observed import Settings as HostSettings
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.store import host_derivation, observed
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry
from tests.host.observed import make_issue, patch_of, report
from tests.pages import Page, read
from tests.recording import record

pytestmark = pytest.mark.django_db

NOON = 1_795_000_000_000
DAYS = ("2026-11-18", "unknown")
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
    for query, label, number in (
        ("cause=pointer", "Bad pointer", 2),
        ("status=pending", "Pending", 1),
        ("blueprint_id=main", "main", 2),
        ("blueprint_id=other", "other", 1),
        ("source=host", "host", 3),
        ("day=2026-11-18", "Wed 18 Nov 2026", 2),
        ("day=unknown", "day not known", 1),
    ):
        assert {link.words for link in page.all("a", href=f"/unfinished/?{query}")} == {label, str(number)}
        assert len(rows(get(f"/unfinished/?{query}"))) == number
    assert [link.words for link in page.all("a", href="/unfinished/")][-4:] == ["3"] * 4


def test_a_day_has_the_runs_that_are_known_to_be_of_it() -> None:
    midnight = NOON - NOON % DAY_MS
    for issue_id, times in {
        "exact": {"ts_ms": midnight},
        "within": {"not_before_ms": midnight, "not_after_ms": midnight + DAY_MS - 1},
        "over midnight": {"not_before_ms": midnight, "not_after_ms": midnight + DAY_MS},
        "after": {"not_before_ms": midnight},
        "implausible": {"ts_ms": 1},
    }.items():
        report(issue_id, **times)
    page = get("/unfinished/")
    of_day, unknown = ({link.words for link in page.all("a", href=f"/unfinished/?day={day}")} for day in DAYS)
    assert (of_day, unknown) == ({"Wed 18 Nov 2026", "2"}, {"day not known", "3"})
    assert [len(rows(get(f"/unfinished/?day={day}"))) for day in DAYS] == [2, 3]
    assert len(rows(get("/unfinished/?" + "&".join(f"day={day}" for day in DAYS)))) == 5
    for query, number in (
        ("since=2026-11-18", 2),
        ("until=2026-11-19", 2),
        ("since=2026-11-19", 0),
        ("until=2026-11-18", 0),
        ("since=2026-11-17&until=2026-11-19", 2),
        ("since=2026-11-18&day=unknown", 0),
    ):
        assert len(rows(get(f"/unfinished/?{query}"))) == number, query


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["h-2", "h-3", "h-4"]),
        ("cause=pointer", ["h-2"]),
        ("status=pending", ["h-3"]),
        ("blueprint_id=", ["h-4"]),
        ("blueprint_id=&blueprint_id=main", ["h-2", "h-3", "h-4"]),
        ("blueprint_prefix=ma", ["h-2", "h-3"]),
        ("blueprint_prefix=ma&blueprint_id=", []),
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


@pytest.mark.parametrize(
    "query", ["cause=x", "status=x", "cursor=x", "page_size=x", "day=x", "day=2026-02-30", "since=7d", "until=unknown"]
)
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


def test_a_run_that_hit_the_time_limit_must_not_be_posted_again_within_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    warning = "It may still be working: do not post it again."
    keep(Found(issues=[make_issue(2, detail=TIME_LIMIT), make_issue(3, detail=POINTER)]))
    assert get("/unfinished/h-2").words.count(warning) == 1
    assert warning not in get("/unfinished/h-3").words
    assert warning not in get("/unfinished/").words
    later_ms = now_ms() + DAY_MS
    monkeypatch.setattr("enhancelog.web.pages.unfinished.now_ms", lambda: later_ms)
    assert "or earlier and is probably no longer working" in get("/unfinished/h-2").words


def test_the_age_of_a_run_is_that_of_the_latest_time_at_which_it_can_have_begun() -> None:
    for number, times in enumerate(({"ts_ms": NOON}, {"not_before_ms": NOON - 1, "not_after_ms": NOON}, {"ts_ms": 1})):
        report(f"h-{number}", cause="time_limit", **times)
    notes = [get(f"/unfinished/h-{number}").all("p", class_="note")[0] for number in range(3)]
    days = [note.all("time")[0].attributes["datetime"][:10] for note in notes]
    assert days[:2] == ["2026-11-18", "2026-11-18"]
    assert days[2] > "2026-11-18"
    assert ["or earlier" in note.words for note in notes] == [False, True, False]


def test_what_a_spawner_said_is_told_without_its_json() -> None:
    said = r'{"raw":"","stderr":"no <xss-tag>\u202e\n"}'
    detail = f"dispatch failed: dispatcher error for ref 'patch-spawner': blocked: {said}"
    keep(Found(issues=[make_issue(2, detail=detail)]))
    assert "Spawner failed: no <xss-tag>" in get("/unfinished/").words
    page = get("/unfinished/h-2")
    (reason, *_) = [section for section in page.all("section") if section.words.startswith("Reason")]
    assert [text.words for text in reason.all("div", class_="long")] == ["no <xss-tag>\u202e"]
    assert detail in [text.words for text in reason.all("div", class_="long small")]


def test_a_change_says_when_it_was_read_or_reported() -> None:
    keep(Found(issues=[make_issue(2)]))
    report("h-3")
    assert "died read at" in get("/unfinished/h-2").words
    assert "by token agent-7" in get("/unfinished/h-3").words


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
