"""The overview counts exactly, compares, links to exactly the rows it counts, and asks a fixed number of questions."""

import json
from typing import Any

import pytest
from django.test import Client

from enhancelog.domain.times import DAY_MS
from tests.factories import make_entry, make_many, make_rejected
from tests.pages import Page, read
from tests.plans import DAILY, whole_tables
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

QUERIES = 21
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)


def overview(client: Client, period: str = "", **headers: str) -> Page:
    response = client.get("/", {"period": period} if period else {}, headers=headers)
    assert response.status_code == 200
    return read(response)


def figures(page: Page) -> dict[str, list[str]]:
    """The four figures by name, with the words below each."""
    panel = page.all("dl", class_="kpis")[0].inside
    names = [element.words for element in panel if element.tag == "dt"]
    parts = [[each.words for each in div.inside if each.tag == "dd"] for div in panel if div.tag == "div"]
    return dict(zip(names, parts, strict=True))


@pytest.mark.parametrize(("period", "number"), [("7d", QUERIES), ("24h", QUERIES - 3), ("all", QUERIES)])
def test_a_fixed_number_of_queries_each_on_an_index(
    client: Client, django_assert_num_queries, period: str, number: int
) -> None:
    record_all(make_many(10))
    with django_assert_num_queries(number):
        overview(client, period)
    record_all(entry for entry in make_many(500) if entry.issue_id not in {f"h-{at}" for at in range(10)})
    with django_assert_num_queries(number) as captured:
        overview(client, period)
    assert whole_tables(captured) <= (DAILY if period == "all" else set())


def test_nothing_chosen_asks_one_question_more(client: Client, django_assert_num_queries) -> None:
    record_all(make_many(10))
    with django_assert_num_queries(QUERIES + 1):
        overview(client)


def test_figures_are_compared_with_the_period_before(client: Client) -> None:
    record(
        make_rejected(issue_id="now 1", ts_ms=NOW_MS),
        make_entry(issue_id="now 2", ts_ms=NOW_MS - 6 * DAY_MS),
        make_entry(issue_id="now 3", ts_ms=NOW_MS - 5 * DAY_MS),
        make_rejected(issue_id="before 1", ts_ms=NOW_MS - 7 * DAY_MS),
        make_entry(issue_id="before 2", ts_ms=NOW_MS - 13 * DAY_MS),
        make_entry(issue_id="long ago", ts_ms=NOW_MS - 14 * DAY_MS),
    )
    assert figures(overview(client)) == {
        "Runs": ["3", "2 before"],
        "Applied": ["2", "1 before"],
        "Rejected": ["1", "1 before"],
        "Rejection rate": ["33 %", "▼ 17 points, 50 % before"],
    }


def test_a_change_is_the_same_number_as_in_the_list_of_blueprints(client: Client) -> None:
    for start_ms, rejected, runs in ((NOW_MS, 2, 3), (NOW_MS - 7 * DAY_MS, 1, 7)):  # 66.7 % after 14.3 %
        record(
            *(
                (make_rejected if n < rejected else make_entry)(issue_id=f"{start_ms} {n}", ts_ms=start_ms)
                for n in range(runs)
            )
        )
    assert figures(overview(client))["Rejection rate"] == ["67 %", "▲ 52 points, 14 % before"]
    listed = read(client.get("/blueprints/?sort=change"))
    assert [cell.words for cell in listed.all("td")][4] == "▲ +52 points"


def test_without_runs_before_there_is_no_rate_to_compare(client: Client) -> None:
    record(make_rejected(ts_ms=NOW_MS))
    assert figures(overview(client))["Rejection rate"] == ["100 %", "no runs before"]


def test_all_has_no_before(client: Client) -> None:
    record(make_rejected(ts_ms=NOW_MS), make_entry(issue_id="old", ts_ms=0))
    page = overview(client, "all")
    assert figures(page)["Runs"] == ["2"]
    assert "before" not in page.words


def test_24_hours_begin_and_end_to_the_millisecond(client: Client) -> None:
    record(
        make_entry(issue_id="first", ts_ms=NOW_MS - DAY_MS),
        make_entry(issue_id="last", ts_ms=NOW_MS - 1),
        make_entry(issue_id="now", ts_ms=NOW_MS),
        make_entry(issue_id="before", ts_ms=NOW_MS - DAY_MS - 1),
        make_entry(issue_id="before, first", ts_ms=NOW_MS - 2 * DAY_MS),
        make_entry(issue_id="too old", ts_ms=NOW_MS - 2 * DAY_MS - 1),
    )
    assert figures(overview(client, "24h"))["Runs"] == ["2", "2 before"]


def test_entries_without_a_plausible_time_are_said_and_in_no_bar(client: Client) -> None:
    record(
        make_entry(issue_id="low", ts_ms=-(2**63)),
        make_rejected(issue_id="high", ts_ms=2**63 - 1),
        make_rejected(issue_id="now", ts_ms=NOW_MS),
    )
    everything = overview(client, "all")
    assert figures(everything)["Runs"] == ["3"]
    assert "2 without a plausible time" in everything.words
    assert len(everything.all("path", class_="hit")) == 1
    assert figures(overview(client, "7d"))["Runs"][0] == "1"
    assert "plausible" not in overview(client, "7d").words


def test_a_log_of_implausible_times_only_still_has_a_page(client: Client) -> None:
    record(make_rejected(ts_ms=-1))
    assert figures(overview(client))["Runs"][0] == "0"
    assert "No run has a plausible time." in overview(client, "all").words


def test_what_was_not_chosen_and_would_be_empty_ends_at_the_newest_entry(client: Client) -> None:
    record(make_rejected(ts_ms=NOW_MS - 100 * DAY_MS), make_entry(issue_id="implausible", ts_ms=2**63 - 1))
    page = overview(client)
    assert figures(page)["Runs"] == ["1", "0 before"]
    assert "No runs in the last 7 days" in page.words
    assert "4 – 10 Aug 2026 (whole days, UTC)" in page.words


def test_what_was_chosen_and_is_empty_stays_and_leads_to_the_newest(client: Client) -> None:
    record(make_rejected(ts_ms=NOW_MS - 100 * DAY_MS))
    page = overview(client, "7d")
    assert figures(page)["Runs"] == ["0", "0 before"]
    assert "No runs in this period" in page.words
    assert figures(page)["Rejection rate"][0] == "–"


def patterns(page: Page) -> list[list[str]]:
    """Every row of the most frequent denials: axis, reason, mostly in, denials, share of runs, change."""
    rows = [row for table in page.all("table", class_="denies") for row in table.inside if row.tag == "tr"]
    cells = [[each.words for each in row.inside if each.tag == "td"] for row in rows[1:]]
    return [[*row[:3], *row[4:-1]] for row in cells]


def test_patterns_are_in_order_of_what_they_denied(client: Client) -> None:
    record(
        make_rejected("tone", issue_id="1", ts_ms=NOW_MS),
        make_rejected("noop", issue_id="2", ts_ms=NOW_MS, blueprint_id="b", detail="grew by 3 %\nand so on"),
        make_rejected("noop", issue_id="3", ts_ms=NOW_MS - DAY_MS, blueprint_id="b", detail="grew by 14 %"),
        make_rejected("tone", issue_id="4", ts_ms=NOW_MS - 8 * DAY_MS),
        make_rejected("tone", issue_id="5", ts_ms=NOW_MS - 8 * DAY_MS),
        make_rejected("gone", issue_id="6", ts_ms=NOW_MS - 8 * DAY_MS, detail=""),
    )
    assert patterns(overview(client)) == [
        ["noop deny", "grew by n % new", "b 2", "2", "67 %", "+2"],
        ["tone deny", "patch is no-op", "main 1", "1", "33 %", "−1"],
        ["gone deny", "no reason given", "", "0", "0 %", "−1"],
    ]


def test_the_days_of_a_sparkline_are_a_table_of_links(client: Client) -> None:
    record(
        make_rejected("noop", issue_id="1", ts_ms=NOW_MS),
        make_rejected("noop", issue_id="2", ts_ms=NOW_MS - 20 * DAY_MS),
        make_rejected("noop", issue_id="3", ts_ms=NOW_MS - 21 * DAY_MS),
    )
    table = overview(client, "7d").all("table", class_="figures")[0]
    rows = [[each.words for each in row.inside if each.tag in ("th", "td")] for row in table.inside if row.tag == "tr"]
    assert rows == [
        ["Pattern", *(f"{day} Oct" for day in (29, 30, 31)), *(f"{day} Nov" for day in range(1, 19))],
        ["noop: patch is no-op", "1", *["0"] * 19, "1"],
    ]


def test_a_reason_is_no_markup(client: Client) -> None:
    record(make_rejected("noop", ts_ms=NOW_MS, detail="a < b &amp; {% c %}"))
    (row,) = patterns(overview(client))
    assert row[1] == "a < b &amp; {% c %} new"


def strips(page: Page) -> list[list[str]]:
    """Every strip's axis, its rejections of all runs, and what its bars say."""
    days = next(element for element in page.all("div") if element.attributes.get("class") == "days")
    names = [each.words for each in days.inside if "name" in each.attributes.get("class", "")]
    numbers = [each.words for each in days.inside if each.attributes.get("class") == "num small"]
    titles = [
        [title.words for title in each.inside if title.tag == "title"]
        for each in days.inside
        if each.attributes.get("class") == "chart strip"
    ]
    return [[name, number, *bars] for name, number, bars in zip(names, numbers, titles, strict=True)]


def test_a_strip_an_axis_in_order_of_rejections_hatched_where_it_did_not_run(client: Client) -> None:
    record(
        make_rejected("tone", issue_id="1", ts_ms=NOW_MS),
        make_rejected("noop", issue_id="2", ts_ms=NOW_MS),
        make_rejected("noop", issue_id="3", ts_ms=NOW_MS - DAY_MS),
        make_rejected("gone", issue_id="4", ts_ms=NOW_MS - 8 * DAY_MS),
    )
    assert strips(overview(client)) == [
        [
            "noop",
            "2 of 2",
            "Tue 17 Nov 2026: 1 denied by noop, of 1 judged",
            "Wed 18 Nov 2026: 1 denied by noop, of 1 judged",
        ],
        ["tone", "1 of 1", "Tue 17 Nov 2026: not judged by tone", "Wed 18 Nov 2026: 1 denied by tone, of 1 judged"],
        ["des", "0 of 3"],
    ]


def test_an_hour_in_which_an_axis_did_not_run_is_hatched(client: Client) -> None:
    record(
        make_rejected("tone", issue_id="1", ts_ms=NOW_MS - 1),
        make_entry(issue_id="2", ts_ms=NOW_MS - 3_600_000, verdicts=[]),
        make_entry(issue_id="3", ts_ms=NOW_MS - 2 * 3_600_000, verdicts=[deny("tone"), deny("tone")]),
    )
    assert strips(overview(client, "24h")) == [
        [
            "tone",
            "1 of 2",
            "18 Nov, 10:00 to 11:00: not judged by tone",
            "18 Nov, 11:00 to 11:06: 1 denied by tone, of 1 judged",
        ],
        [
            "des",
            "0 of 1",
            "18 Nov, 09:00 to 10:00: not judged by des",
            "18 Nov, 10:00 to 11:00: not judged by des",
        ],
    ]


def deny(axis: str) -> dict[str, str]:
    return {"axis": axis, "status": "deny", "detail": "no"}


def test_a_denial_of_an_applied_run_is_no_rejection(client: Client) -> None:
    record(make_entry(verdicts=[deny("noop")], ts_ms=NOW_MS))
    page = overview(client)
    assert strips(page) == [["noop", "0 of 1"]]
    assert figures(page)["Applied"][0] == "1"


def test_blueprints_are_in_order_of_the_lower_bound_of_their_rate(client: Client) -> None:
    record(
        make_rejected(issue_id="single", ts_ms=NOW_MS, blueprint_id="one of one"),
        *(make_rejected(issue_id=f"r{at}", ts_ms=NOW_MS, blueprint_id="") for at in range(6)),
        *(make_entry(issue_id=f"a{at}", ts_ms=NOW_MS, blueprint_id="") for at in range(4)),
        *(make_entry(issue_id=f"b{at}", ts_ms=NOW_MS, blueprint_id="calm") for at in range(40)),
    )
    table = overview(client).all("table", class_="rates")[0]
    rows = [[each.words for each in row.inside if each.tag == "td"] for row in table.inside if row.tag == "tr"][1:]
    assert rows == [
        ["(no name)", "6 / 10", "60 %few runs", "noop"],
        ["one of one", "1 / 1", "100 %few runs", "noop"],
        ["calm", "0 / 40", "0 %", ""],
    ]


def test_panels_show_ten_and_say_how_many_more(client: Client) -> None:
    axes = [f"axis-{at:02}" for at in range(13)]
    record(*(make_rejected(axis, issue_id=axis, blueprint_id=axis, ts_ms=NOW_MS) for axis in axes))
    page = overview(client)
    assert "4 more axes." in page.words
    assert "3 more patterns" in page.words
    assert len(patterns(page)) == 10
    assert "3 more" in page.words
    assert len(strips(page)) == 10


def test_a_chart_has_a_table_with_the_same_numbers(client: Client) -> None:
    record(make_rejected("noop", ts_ms=NOW_MS), make_entry(issue_id="2", ts_ms=NOW_MS - DAY_MS))
    table = overview(client).all("table", class_="figures")[1]
    rows = [[each.words for each in row.inside if each.tag in ("th", "td")] for row in table.inside if row.tag == "tr"]
    assert rows[0] == ["UTC", "Applied", "Rejected", "noop", "des"]
    assert rows[-2:] == [["Tue 17 Nov 2026", "1", "0", "0", "0"], ["Wed 18 Nov 2026", "0", "1", "1", "0"]]
    assert len(rows) == 8


def test_an_empty_log_shows_what_fills_it(client: Client) -> None:
    page = overview(client)
    commands = [element.text for element in page.all("pre")]
    assert any("python3 manage.py import_log FILE" in command for command in commands)
    (curl,) = [command for command in commands if "curl" in command]
    body = json.loads(curl[curl.index("{") : curl.rindex("}") + 1])
    assert make_rejected(**body).issue_id == "h-1"
    assert "Authorization: Bearer $ENHANCELOG_TOKEN" in curl


@pytest.mark.parametrize(
    ("period", "why"),
    [
        ("24H", '"24H" is not a period: use 7d, 2w,'),
        ("<script>", '"<script>" is not a period: use 7d, 2w,'),
        ("73h", "is at most 72h on this page; use days"),
    ],
)
def test_a_bad_period_is_a_bad_request_that_names_it(client: Client, period: str, why: str) -> None:
    record(make_entry(ts_ms=NOW_MS))
    response = client.get("/", {"period": period})
    assert response.status_code == 400
    assert f"period: {why}" in read(response).words


def test_htmx_gets_the_part_it_swaps(client: Client) -> None:
    record(make_entry(ts_ms=NOW_MS))
    part = overview(client, "30d", **HTMX)
    assert not part.all("html")
    assert [link.attributes["href"] for link in part.all("a", aria_current="true")] == ["?period=30d"]
    assert overview(client, "30d", **HTMX, **{"HX-History-Restore-Request": "true"}).all("html")


@pytest.mark.parametrize("period", ["7d", "24h", "all"])
def test_the_overview_of_one_blueprint_counts_and_links_its_runs_alone(client: Client, period: str) -> None:
    record(
        make_rejected("tone", issue_id="1", ts_ms=NOW_MS - 1, blueprint_id="a", detail="rude"),
        make_rejected("noop", issue_id="2", ts_ms=NOW_MS - 1, blueprint_id="b", detail="grew"),
        make_entry(issue_id="3", ts_ms=NOW_MS - 1, blueprint_id="a"),
        make_entry(issue_id="4", ts_ms=NOW_MS - 1, blueprint_id=""),
    )
    page = read(client.get("/", {"blueprint_id": "a", "period": period}))
    assert "grew" not in page.words
    lists = [link.attributes["href"] for link in page.all("main")[0].all("a")]
    lists = [href for href in lists if href.startswith(("/rejections/", "/search/"))]
    assert lists
    assert all("blueprint_id=a" in href for href in lists)
    assert page.all("dl")[0].all("dd")[0].words == "2"
    assert "blueprint_id=a" in page.addresses("90 d")[0]
    nameless = read(client.get("/", {"blueprint_id": "", "period": period}))
    assert nameless.all("dl")[0].all("dd")[0].words == "1"
    assert client.get("/?blueprint_id=..").status_code == client.get("/?blueprint_id=%00").status_code == 200
