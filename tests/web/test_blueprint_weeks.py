"""Rates by week: a Blueprint's, with those of its axes, on its page, and a sparkline for each on the list."""

from collections import Counter
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog import links
from enhancelog.domain.markers import NewMarker
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry, denials, judged_axes
from enhancelog.domain.times import DAY_MS, is_plausible
from enhancelog.queries.charts import Bar
from enhancelog.store import markers
from enhancelog.web import blueprint_weeks
from enhancelog.web.charts import STRIP_HEIGHT
from enhancelog.web.periods import full_label
from tests import strategies
from tests.counted import counted_links, rows_behind
from tests.factories import make_entry, make_many, make_rejected
from tests.pages import Element, Page, read
from tests.plans import whole_tables
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

WEEK_MS = 7 * DAY_MS
TALLIES = {"statustally", "axistally"}


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    monkeypatch.setattr("enhancelog.web.periods.now_ms", lambda: NOW_MS)


def get(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return read(response)


def weeks(page: Page) -> Element | None:
    found = page.all("section", aria_labelledby="by-week")
    return found[0] if found else None


def table(page: Page) -> list[list[str]]:
    (section,) = page.all("section", aria_labelledby="by-week")
    rows = section.all("table")[0].all("tr")
    return [[cell.words for cell in row.inside if cell.tag in ("th", "td")] for row in rows]


def run(number: int, weeks_ago: int, *denied: str, **changes: Any) -> Entry:
    common: dict[str, Any] = {"issue_id": f"h-{number}", "ts_ms": NOW_MS - weeks_ago * WEEK_MS - number} | changes
    return make_rejected(*denied, **common) if denied else make_entry(**common)


def recount(log: list[Entry], blueprint_id: str) -> list[list[str]]:
    """The table's rows, counted from the entries."""
    runs = [entry for entry in log if entry.blueprint_id == blueprint_id and is_plausible(entry.ts_ms, NOW_MS)]
    end = max(entry.ts_ms for entry in runs) // DAY_MS + 1
    by_week: dict[int, list[Entry]] = {}
    for entry in runs:
        ago = (end - 1 - entry.ts_ms // DAY_MS) // 7
        if ago < 12:
            by_week.setdefault(ago, []).append(entry)
    denied, judged = Counter[str](), Counter[str]()
    for entries in by_week.values():
        for entry in entries:
            judged.update(judged_axes(entry))
            denied.update(list(denials(entry)) if entry.status == "rejected" else ())
    axes = sorted(judged, key=lambda axis: (-denied[axis], axis))[:10]
    rows = [["UTC", "Applied", "Rejected", *axes]]
    for ago in range(max(by_week), -1, -1):
        here = by_week.get(ago, [])
        rejected = [entry for entry in here if entry.status == "rejected"]
        cells = [str(len(here) - len(rejected)), str(len(rejected))]
        for axis in axes:
            has_judged = any(axis in judged_axes(entry) for entry in here)
            number = sum(axis in denials(entry) for entry in rejected)
            cells.append("not judged" if here and not has_judged else str(number))
        span = Bar((end - 7 * (ago + 1)) * DAY_MS, (end - 7 * ago) * DAY_MS)
        rows.append([full_label(span), *cells])
    return rows


@given(
    log=st.lists(strategies.entries(), max_size=20, unique_by=lambda entry: entry.issue_id), shift=st.integers(0, 40)
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_number_is_counted_from_the_log_and_leads_to_its_rows(
    client: Client, log: list[Entry], shift: int
) -> None:
    old = [make_rejected("noop", issue_id=f"old {at}", ts_ms=NOW_MS - at * shift * DAY_MS) for at in range(8)]
    with transaction.atomic():
        record_all([*log, *old])
        page = get(client, "/blueprints/main")
        assert table(page) == recount([*log, *old], "main")
        section = weeks(page)
        assert section is not None
        for url, number in counted_links(section):
            assert rows_behind(url) == number, url
        transaction.set_rollback(True)


def test_each_axis_with_its_rate_most_denials_first(client: Client) -> None:
    log = [run(at, 0, "noop") for at in range(10)] + [run(10 + at, 1, "noop", "tone") for at in range(2)]
    record_all([*log, *(run(20 + at, 2) for at in range(20))])
    section = weeks(get(client, "/blueprints/main"))
    assert section is not None
    assert section.words.startswith("Rates by week 29 Oct – 18 Nov 2026 (whole days, UTC) Rejected")
    assert [each.words for each in section.all("span", class_="num small")][:6] == [
        "12 of 32", "38 %", "12 of 32", "38 %", "2 of 2", "few"
    ]  # fmt: skip
    titles = {
        each.attributes["title"] for each in section.all("span", class_="num small") if each.attributes.get("title")
    }
    assert "12 of 32; 95 % confidence interval 23 to 55 %" in titles
    assert [link.words for link in section.all("a", class_="mono small")] == ["noop", "tone", "des"]


def test_bars_are_as_high_as_the_rate(client: Client) -> None:
    log = [run(at, 1, *(["noop"] if at < 5 else [])) for at in range(10)] + [run(10, 0, "noop")]
    record_all(log)
    section = weeks(get(client, "/blueprints/main"))
    assert section is not None
    bars = [link.all("path")[0].attributes["d"] for link in section.all("svg")[1].all("a")]
    assert [float(path.split("v-")[1].split("h")[0]) for path in bars] == [STRIP_HEIGHT / 2, STRIP_HEIGHT]


def test_axes_beyond_ten_are_one_link(client: Client) -> None:
    record_all([run(at, 0, f"axis-{at:02}") for at in range(12)])
    section = weeks(get(client, "/blueprints/main"))
    assert section is not None
    (more,) = [link for link in section.all("a") if "more axes" in link.words]
    assert more.words == "3 more axes"  # two of them and des
    assert get(client, more.attributes["href"]).all("table", class_="axes")


@pytest.mark.parametrize("blueprint_id", ["", "ops/デプロイ %", "x" * 512])
def test_odd_ids_have_weeks_whose_links_lead_to_their_rows(client: Client, blueprint_id: str) -> None:
    record_all([run(0, 0, "a/b %?#", blueprint_id=blueprint_id), run(1, 3, blueprint_id=blueprint_id)])
    section = weeks(get(client, links.blueprint(blueprint_id)))
    assert section is not None
    numbers = [(link.attributes["href"], link.words) for link in section.all("a") if link.words.isdigit()]
    assert len(numbers) >= 6
    for url, number in numbers:
        assert f"{number} " in get(client, url).words
        assert rows_behind(url) == int(number)


@pytest.mark.parametrize("url", ["/blueprints/main?axis=noop", "/blueprints/main?page_size=1&order=asc&has=gap"])
def test_a_filter_other_than_of_time_leaves_them_out(client: Client, url: str) -> None:
    record_all([run(at, 0, "noop") for at in range(3)])
    assert weeks(get(client, url)) is None
    assert weeks(get(client, "/blueprints/main?since=2026-11-18")) is not None


def test_the_rates_are_drawn_once_until_a_figure_or_a_marker_changes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Mock(wraps=blueprint_weeks._drawn)
    monkeypatch.setattr(blueprint_weeks, "_drawn", draw)

    def shown() -> tuple[int, str]:
        section = weeks(get(client, "/blueprints/once"))
        get(client, f"/blueprints/once?until={NOW_MS}")
        get(client, "/blueprints/once?page_size=1")
        assert section is not None
        return draw.call_count, section.words

    record_all([run(0, 0, "noop", blueprint_id="once"), run(1, 1, blueprint_id="once")])
    first = shown()
    record_all([run(2, 0, "noop")])  # of another Blueprint
    assert shown() == first
    record_all([run(3, 0, "noop", blueprint_id="once")])
    second = shown()
    markers.make(NewMarker(title="prompt v12", ts_ms=NOW_MS - DAY_MS), Origin("user", "ada", "page"))
    third = shown()
    assert [number for number, _ in (first, second, third)] == [1, 2, 3]
    assert "1 of 2" in first[1]
    assert "2 of 3" in second[1]
    assert "prompt v12" in third[1]


def test_without_a_plausible_time_there_are_no_weeks(client: Client) -> None:
    record_all([run(0, 0, "noop", ts_ms=-1)])
    assert weeks(get(client, "/blueprints/main")) is None
    assert get(client, "/blueprints/").all("svg", class_="spark") == []


def test_the_list_has_a_sparkline_for_each_that_ran_in_those_weeks(client: Client) -> None:
    record_all([run(0, 0, "noop"), run(1, 1), run(2, 20, blueprint_id="old"), run(3, 1, blueprint_id="other")])
    page = get(client, "/blueprints/?sort=name")
    assert [(number, rows_behind(url)) for url, number in counted_links(page)] == [
        (number, number) for number in (2, 1, 1, 0, 1, 0)
    ]
    rows = page.all("tr", data_row="")
    assert [len(row.all("svg", class_="spark")) for row in rows] == [1, 0, 1]
    rejected = [path.attributes["d"] for path in rows[0].all("path", class_="bar-r")]
    assert rejected == [f"M1114 18v-{STRIP_HEIGHT}h72v{STRIP_HEIGHT}z"]
    assert "12 weeks, 27 Aug – 18 Nov 2026 (whole days, UTC)" in page.words


@pytest.mark.parametrize(
    "url", ["/blueprints/main", "/blueprints/", "/blueprints/?period=7d", "/blueprints/?period=24h"]
)
def test_only_tallies_are_read_and_the_statements_stay_the_same(client: Client, url: str) -> None:
    record_all(make_many(50))
    get(client, url)
    with CaptureQueriesContext(connection) as few:
        get(client, url)
    record_all(
        make_rejected(f"new-{at % 30}", issue_id=f"n{at}", blueprint_id=f"b{at}", ts_ms=NOW_MS) for at in range(90)
    )
    with CaptureQueriesContext(connection) as many:
        get(client, url)
    assert len(many) == len(few)
    assert whole_tables(many) <= TALLIES
