"""The matrix: rates with few runs and places never judged marked, sorted and paged by plain links, joint denials."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from tests import list_pages
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.plans import DAILY, whole_tables
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

PERIODS = ("24h", "7d", "30d", "all")
TABLES: tuple[dict[str, str], ...] = ({}, {"view": "together"}, {"view": "next"})
WHAT_IF = {"view": "what-if", "without": "axis-1"}


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)


def matrix(client: Client, **parameters: Any) -> Page:
    response = client.get("/matrix/", parameters)
    assert response.status_code == 200
    return read(response)


def grid(page: Page) -> list[list[str]]:
    """Every row's cells as they are read out, headings first."""
    (table,) = page.all("table", class_="matrix")
    rows = [row for row in table.inside if row.tag == "tr"]
    return [[each.words for each in row.inside if each.tag in ("th", "td")] for row in rows]


def names(page: Page) -> list[str]:
    return [row[0] for row in grid(page)[1:]]


def link(page: Page, words: str) -> str:
    return next(each for each in page.all("a") if each.words.startswith(words)).attributes["href"]


def heading_link(page: Page, words: str) -> str:
    return next(each for each in page.all("a", class_="sort") if each.words == words).attributes["href"]


def runs(blueprint_id: str, denied: int, of: int, *axes: str, ts_ms: int = NOW_MS - 1) -> list[Entry]:
    """So many runs, the first ``denied`` of them rejected by these axes, which judged all of them."""
    passed = [{"axis": axis, "status": "pass", "detail": ""} for axis in axes]
    return [
        make_rejected(*axes, issue_id=f"{blueprint_id} {axes} {at}", blueprint_id=blueprint_id, ts_ms=ts_ms)
        if at < denied
        else make_entry(issue_id=f"{blueprint_id} {axes} {at}", blueprint_id=blueprint_id, ts_ms=ts_ms, verdicts=passed)
        for at in range(of)
    ]


@pytest.mark.parametrize("period", PERIODS)
def test_a_cell_says_rate_and_numbers_or_that_the_axis_never_judged(client: Client, period: str) -> None:
    record(*runs("main", 7, 20, "noop"), *runs("", 1, 2, "tone"), *runs("main", 1, 1, "tone"))
    page = matrix(client, period=period)
    assert grid(page) == [
        ["Blueprint", "noop", "tone", "des", "Any"],
        ["main", "35 % 7/20", "100 % 1/1 few", "0 % 0/8 few", "38 % 8/21"],
        ["(no name)", "–never judged", "50 % 1/2 few", "0 % 0/1 few", "50 % 1/2 few"],
        ["All Blueprints", "35 % 7/20", "67 % 2/3 few", "0 % 0/9 few", "39 % 9/23"],
    ]


@pytest.mark.parametrize(
    ("denied", "of", "expected"),
    [(0, 100, "h0"), (1, 100, "h1"), (5, 100, "h1"), (6, 100, "h2"), (15, 100, "h3"), (30, 100, "h4"), (19, 19, "few")],
)
def test_a_cell_is_shaded_in_steps_and_outlined_for_few_runs(
    client: Client, denied: int, of: int, expected: str
) -> None:
    record_all(runs("main", denied, of, "noop"))
    cells = [each for each in matrix(client).all("a") if f" {denied}/{of}" in each.words]
    assert {each.attributes["class"] for each in cells} == {expected}


def test_only_rejections_within_the_period_count(client: Client) -> None:
    denied = [{"axis": "noop", "status": "deny", "detail": "no"}]
    record(
        make_rejected("noop", issue_id="1", ts_ms=NOW_MS - 7 * DAY_MS),
        make_rejected("noop", issue_id="2", ts_ms=-1),
        make_entry(issue_id="3", ts_ms=NOW_MS, verdicts=denied),
    )
    assert grid(matrix(client, period="7d"))[1] == ["main", "0 % 0/1 few", "0 % 0/1 few"]
    assert grid(matrix(client, period="30d"))[1][:2] == ["main", "50 % 1/2 few"]
    assert grid(matrix(client, period="all"))[1][:2] == ["main", "67 % 2/3 few"]


def test_most_trouble_comes_first_and_every_heading_sorts(client: Client) -> None:
    record(
        *runs("b", 9, 30, "noop"),
        *runs("a", 3, 30, "noop"),
        *runs("few", 1, 1, "noop"),
        *runs("c", 25, 30, "tone"),
        *runs("d", 0, 30, "tone"),
    )
    page = matrix(client)
    assert names(page)[:-1] == ["c", "few", "b", "a", "d"]
    by_name = matrix(client, sort="name")
    assert names(by_name)[:-1] == ["a", "b", "c", "d", "few"]
    orders = {
        "noop": ["b", "a", "few", "c", "d"],
        "noop ↓": ["a", "b", "few", "c", "d"],
        "Any": ["c", "b", "a", "d", "few"],
        "Blueprint": ["a", "b", "c", "d", "few"],
        "Blueprint ↑": ["few", "d", "c", "b", "a"],
    }
    for heading, expected in orders.items():
        page = read(client.get(heading_link(page, heading)))
        assert names(page)[:-1] == expected, heading
    assert [each.attributes["aria-sort"] for each in page.all("th") if "aria-sort" in each.attributes] == ["descending"]


def test_an_axis_that_is_called_like_a_column_sorts_by_itself(client: Client) -> None:
    record(*runs("a", 25, 30, "name"), *runs("b", 26, 30, "noop"), *runs("c", 27, 30, "name"))
    assert names(read(client.get(heading_link(matrix(client), "name"))))[:-1] == ["c", "a", "b"]


def test_what_does_not_fit_is_reached_by_links(client: Client) -> None:
    record_all(make_rejected(f"axis-{at:02}", issue_id=f"{at}", blueprint_id=f"{at:02}") for at in range(60))
    page = matrix(client)
    assert len(grid(page)) == 1 + 50 + 1
    assert grid(page)[0][1] == "axis-00"
    rows, columns = link(page, "10 more Blueprints"), link(page, "51 more axes")
    assert names(read(client.get(rows))) == [*(f"{at}" for at in range(50, 60)), "All Blueprints"]
    page = read(client.get(columns))
    assert grid(page)[0][1:-1] == [f"axis-{at}" for at in range(10, 20)]
    page = read(client.get(link(page, "The first axes")))
    assert grid(page)[0][1] == "axis-00"
    page = read(client.get(rows + "000"))
    assert "There are no more rows or columns." in page.words
    assert names(read(client.get(link(page, "The first Blueprints"))))[0] == "00"


def test_axes_that_deny_together(client: Client) -> None:
    record(
        *(make_rejected("noop", "tone", issue_id=f"{at}", ts_ms=NOW_MS - 1 - at) for at in range(5)),
        *(make_rejected("noop", issue_id=f"alone {at}", ts_ms=NOW_MS - 1) for at in range(14)),
        make_rejected("noop", "tone", "des", issue_id="three", ts_ms=NOW_MS - 1),
        make_rejected("noop", "des", issue_id="two", ts_ms=NOW_MS - 1 - 8 * DAY_MS),
        make_rejected("noop", "des", issue_id="no time", ts_ms=-1),
    )
    for period in ("24h", "7d"):
        assert grid(matrix(client, view="together", period=period)) == [
            ["Denied by", "noop", "tone", "des", "No other"],
            ["noop", "–", "30 % 6/20", "5 % 1/20", "70 % 14/20"],
            ["tone", "100 % 6/6 few", "–", "17 % 1/6 few", "0 % 0/6 few"],
            ["des", "100 % 1/1 few", "100 % 1/1 few", "–", "0 % 0/1 few"],
        ]
    assert grid(matrix(client, view="together", period="all"))[3][1] == "100 % 3/3 few"


def test_a_great_many_axes_of_one_run_are_a_page_of_them(client: Client) -> None:
    record(make_rejected(*(f"axis-{at:03}" for at in range(200)), ts_ms=NOW_MS))
    page = matrix(client, view="together")
    assert len(grid(page)) == 1 + 50
    assert grid(page)[1][1:3] == ["–", "100 % 1/1 few"]
    assert link(page, "150 more axes")
    assert link(page, "190 more axes")


@pytest.mark.parametrize("table", TABLES)
def test_odd_names_stay_themselves(client: Client, table: dict[str, str]) -> None:
    odd = ["a/b %?#", "日本", "<b>&", " ", "x" * 512]
    record(*(make_rejected(name, "noop", issue_id=name, blueprint_id=name, ts_ms=NOW_MS) for name in odd))
    shown = {each.text for each in matrix(client, **table).all("bdi")}
    assert set(odd) <= shown


def test_the_choices_of_table_and_period_are_kept(client: Client) -> None:
    record(*runs("main", 1, 1, "noop"))
    page = matrix(client, period="30d")
    together = read(client.get(link(page, "Axes together")))
    assert [each.words for each in together.all("a", aria_current="true")] == ["Axes together", "30 d"]
    page = read(client.get(link(together, "All")))
    assert [each.words for each in page.all("a", aria_current="true")] == ["Axes together", "All"]


def test_what_was_not_chosen_and_would_be_empty_ends_at_the_newest_entry(client: Client) -> None:
    record(*runs("main", 1, 1, "noop", ts_ms=NOW_MS - 100 * DAY_MS))
    page = matrix(client)
    assert "No runs in the last 7 days" in page.words
    assert names(page) == ["main", "All Blueprints"]
    page = matrix(client, period="7d")
    assert "No runs in this period." in page.words
    assert names(read(client.get(link(page, "Show the newest")))) == ["main", "All Blueprints"]
    assert "Nothing was rejected in this period." in matrix(client, period="7d", view="together").words


def test_an_empty_log_shows_what_fills_it(client: Client) -> None:
    assert any("import_log FILE" in element.text for element in matrix(client).all("pre"))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("period", "73h"),
        ("view", "pairs"),
        ("sort", "axis"),
        ("sort", "noop"),
        ("order", "up"),
        ("skip", "-1"),
        ("column", "x"),
        ("column", "1234567890"),
    ],
)
def test_a_bad_parameter_is_named(client: Client, parameter: str, value: str) -> None:
    record(make_entry())
    response = client.get("/matrix/", {parameter: value})
    assert response.status_code == 400
    assert f"{parameter}: " in read(response).words


def test_a_filter_that_every_link_would_repeat_is_not_too_long(client: Client) -> None:
    record(make_rejected())
    response = client.get("/matrix/", {"view": "what-if", "without": [f"{at:0100}" for at in range(16)]})
    assert response.status_code == 400
    assert "filter: has 1,7" in read(response).words


@pytest.mark.parametrize("axis", ["", "nobody", "..", "\0", "x" * 600])
def test_an_axis_that_cannot_be_or_is_not_there_sorts_nothing(client: Client, axis: str) -> None:
    record(*runs("b", 1, 1, "noop"), *runs("a", 1, 1, "noop"))
    assert names(matrix(client, sort=f"axis:{axis}"))[:-1] == ["a", "b"]


@pytest.mark.parametrize("table", TABLES)
def test_htmx_gets_the_part_it_swaps(client: Client, table: dict[str, str]) -> None:
    record(make_rejected(ts_ms=NOW_MS))
    part = read(client.get("/matrix/", table, headers={"HX-Request": "true"}))
    assert not part.all("html")
    assert part.all("table", class_="matrix")


def asked(client: Client, **parameters: str) -> CaptureQueriesContext:
    with CaptureQueriesContext(connection) as captured:
        matrix(client, **parameters)
    return captured


@pytest.mark.parametrize("parameters", [*TABLES, {"sort": "axis:axis-1"}, WHAT_IF])
@pytest.mark.parametrize("period", ["24h", "7d", "all"])
def test_a_fixed_number_of_queries_each_on_an_index(client: Client, period: str, parameters: dict[str, str]) -> None:
    record(make_rejected("axis-1", "axis-2", issue_id="first", ts_ms=NOW_MS - 1))
    few = asked(client, period=period, **parameters)
    record_all(
        make_rejected(f"axis-{at % 3}", "noop", issue_id=f"{at}", blueprint_id=f"{at % 60}", ts_ms=NOW_MS - 1 - at)
        for at in range(120)
    )
    many = asked(client, period=period, **parameters)
    assert len(few) == len(many) <= 7
    by_blueprint = {"jointtally"} if parameters == WHAT_IF else set()
    assert whole_tables(many) <= (DAILY | by_blueprint if period == "all" else set())


@pytest.mark.parametrize("period", PERIODS)
def test_blueprints_are_chosen_by_name_or_prefix(client: Client, period: str) -> None:
    record_all(
        [
            *runs("team-a", 1, 4, "noop"),
            *runs("team-b", 2, 2, "tone"),
            *runs("other", 3, 5, "noop", "des"),
            *runs("", 1, 1, "des"),
        ]
    )
    page = matrix(client, period=period, blueprint_prefix="team-")
    assert [[row[0], row[1], row[2], row[-1]] for row in grid(page)] == [
        ["Blueprint", "tone", "noop", "Any"],
        ["team-b", "100 % 2/2 few", "–never judged", "100 % 2/2 few"],
        ["team-a", "–never judged", "25 % 1/4 few", "25 % 1/4 few"],
        ["These Blueprints", "100 % 2/2 few", "25 % 1/4 few", "50 % 3/6 few"],
    ]
    listed = read(client.get(link(page, "50 % 3/6")))
    assert "3 entries" in listed.words
    assert names(matrix(client, period=period, blueprint_id="")) == ["(no name)", "These Blueprints"]
    several = client.get("/matrix/", {"period": period, "blueprint_id": ["team-a", "other"]})
    assert sorted(names(read(several))) == ["These Blueprints", "other", "team-a"]


def test_links_keep_the_chosen_blueprints_and_can_drop_them(client: Client) -> None:
    record_all([*runs("team-a", 1, 4, "noop"), *runs("other", 3, 5, "noop")])
    page = matrix(client, blueprint_prefix="team-", period="30d")
    assert names(read(client.get(heading_link(page, "noop")))) == ["team-a", "These Blueprints"]
    assert names(read(client.get(link(page, "90 d")))) == ["team-a", "These Blueprints"]
    assert link(page, "blueprint:team-*") == "/matrix/?period=30d"
    assert link(page, "Axes together") == "/matrix/?blueprint_prefix=team-&period=30d&view=together"
    assert "No runs of these Blueprints in this period." in matrix(client, blueprint_prefix="x").words


@pytest.mark.parametrize("period", PERIODS)
def test_axes_together_are_those_of_the_chosen_blueprints(client: Client, period: str) -> None:
    record_all([*runs("team-a", 3, 4, "noop", "tone"), *runs("team-b", 1, 4, "noop"), *runs("other", 9, 9, "noop")])
    assert grid(matrix(client, view="together", period=period, blueprint_prefix="team-")) == [
        ["Denied by", "noop", "tone", "No other"],
        ["noop", "–", "75 % 3/4 few", "25 % 1/4 few"],
        ["tone", "100 % 3/3 few", "–", "0 % 0/3 few"],
    ]


@pytest.mark.parametrize("period", PERIODS)
def test_what_came_next_after_a_denial(client: Client, period: str) -> None:
    def attempt(at: int, *axes: str) -> Entry:
        make = make_rejected if axes else make_entry
        return make(*axes, issue_id=f"{axes} {at}", ts_ms=NOW_MS - 1000 + at)

    record(attempt(1, "noop"), attempt(2, "noop", "tone"), attempt(3, "tone"), attempt(4))
    record(make_rejected("tone", issue_id="last", intent="skip the file", ts_ms=NOW_MS - 1))
    page = matrix(client, view="next", period=period)
    assert grid(page) == [
        ["Denied by", "Applied", "Denied by the same", "Denied by others only", "Not tried again", "Of judged runs"],
        ["tone", "33 % 1/3 few", "33 % 1/3 few", "0 % 0/3 few", "33 % 1/3 few", "100 % 3/3 few"],
        ["noop", "0 % 0/2 few", "50 % 1/2 few", "50 % 1/2 few", "0 % 0/2 few", "67 % 2/3 few"],
    ]
    assert list_pages.positions(read(client.get(link(page, "33 % 1/3")))) == [3]


@pytest.mark.parametrize("period", PERIODS)
def test_what_if_axes_had_not_judged(client: Client, period: str) -> None:
    record_all(
        [
            *runs("a", 3, 4, "noop"),
            *runs("b", 2, 2, "noop", "tone"),
            *runs("c", 1, 1, "noop", "tone", "des"),
            *runs("a", 1, 1, "des"),
        ]
    )
    assert "Nothing is left out" in matrix(client, view="what-if", period=period).words
    page = matrix(client, view="what-if", period=period, without=["noop", "tone"])
    assert "5 of 7 rejected runs had nothing against them but noop or tone: 71 %, of few runs." in page.words
    rows = [[each.words for each in row.inside if each.tag in ("th", "td")] for row in page.all("tr")][1:]
    assert rows == [["a", "3 of 4", "75 %few runs"], ["b", "2 of 2", "100 %few runs"], ["c", "0 of 1", "0 %few runs"]]
    assert "5 entries" in read(client.get(link(page, "5"))).words
    one = matrix(client, view="what-if", period=period, without="tone", blueprint_id="b")
    assert "0 of 2 rejected runs had nothing against them but tone: 0 %" in one.words


def test_an_axis_that_is_not_there_lets_nothing_pass(client: Client) -> None:
    record(*runs("a", 1, 1, "noop"))
    for axis in ("nobody", "..", "\0", "x" * 600):
        words = matrix(client, view="what-if", without=["des", axis]).words
        assert "0 of 1 rejected run had nothing against it but" in words
        assert "No run in the log was judged by" in words
        assert "judged by des" not in words
    assert "No run in the log was judged by" not in matrix(client, view="what-if", without=["noop", "des"]).words
