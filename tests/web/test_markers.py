"""The pages of markers: what changed, what was different after, and who may say so. Ticks on charts."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog import links
from enhancelog.domain.markers import NewMarker
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from enhancelog.models import Marker, UnfinishedRun
from enhancelog.queries import unfinished
from enhancelog.store import markers as store
from tests import strategies
from tests.counted import counted_links, rows_behind
from tests.factories import make_entry, make_many, make_rejected
from tests.pages import Page, read
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

MIDNIGHT = NOW_MS // DAY_MS * DAY_MS
ADA = Origin("user", "ada", "page")


@pytest.fixture(autouse=True)
def anybody_reads_and_the_clock_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    for module in ("store.writing", "web.periods", "web.pages.markers", "web.marker_form", "store.markers"):
        monkeypatch.setattr(f"enhancelog.{module}.now_ms", lambda: NOW_MS)


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def made(title: str = "prompt v12", ts_ms: int = NOW_MS, **said: Any) -> str:
    return store.make(NewMarker(title=title, ts_ms=ts_ms, **said), ADA)


def page(client: Client, path: str = "/markers/", **parameters: str) -> Page:
    response = client.get(path, parameters)
    assert response.status_code == 200
    return read(response)


def titles(shown: Page) -> list[str]:
    return [each.all("a")[0].words for each in shown.all("th", scope="row")]


def test_markers_newest_first_with_what_they_concern(client: Client) -> None:
    made("first", NOW_MS - 2)
    made("second", NOW_MS - 1, blueprint_id="main", axis="noop", note="more about it")
    shown = page(client)
    assert titles(shown) == ["second", "first"]
    assert "more about it" in shown.words
    assert {links.axis("noop"), links.blueprint("main")} <= {link.attributes["href"] for link in shown.all("a")}


def test_one_can_be_set_by_hand_if_there_is_none(client: Client) -> None:
    assert 'enhancelog mark "prompt v12"' in page(client).words


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ({"axis": "noop"}, ["of noop"]),
        ({"blueprint_id": "b"}, ["of b"]),
        ({"kind": "manual"}, ["of noop", "of b"]),
        ({"kind": "wording"}, []),
        ({"hidden": "true"}, ["hidden"]),
        ({"since": str(NOW_MS - 1)}, ["of noop"]),
        ({"until": str(NOW_MS - 1)}, ["of b"]),
    ],
)
def test_a_filter(client: Client, staff: Client, parameters: dict[str, str], shown: list[str]) -> None:
    made("of b", NOW_MS - 2, blueprint_id="b")
    made("of noop", NOW_MS - 1, axis="noop")
    staff.post(links.hide_marker(made("hidden", NOW_MS)), {"hidden": "true"})
    assert titles(page(client, **parameters)) == shown


@pytest.mark.parametrize("parameters", [{"kind": "odd"}, {"since": "soon"}, {"hidden": "maybe"}])
def test_a_bad_filter_is_named(client: Client, parameters: dict[str, str]) -> None:
    response = client.get("/markers/", parameters)
    assert response.status_code == 400
    assert next(iter(parameters)) in read(response).words


def a_log() -> list[Entry]:
    log = []
    for day, axes in ((-2, ["noop"]), (-1, ["noop", "tone"]), (0, ["size"]), (1, ["noop"])):
        for at in range(6):
            common: dict[str, Any] = {
                "issue_id": f"{day} {at}",
                "ts_ms": MIDNIGHT + (day - 3) * DAY_MS + at,
                "blueprint_id": ["main", ""][at % 2],
            }
            log.append(make_rejected(*axes, detail=f"{axes[0]} says so", **common) if at < 4 else make_entry(**common))
    return log


@pytest.mark.parametrize("said", [{}, {"blueprint_id": "main"}, {"blueprint_id": ""}, {"axis": "noop"}])
@pytest.mark.parametrize("offset", [0, DAY_MS // 2])
def test_every_number_is_that_of_the_rows_behind_it(client: Client, said: dict[str, str], offset: int) -> None:
    record_all(a_log())
    for number, (before, after) in enumerate([(None, None), (0, 0)]):
        UnfinishedRun.objects.create(
            source="host",
            issue_id=f"u-{number}",
            blueprint_id="main",
            intent="",
            reason="",
            status="died",
            ts_ms=MIDNIGHT - 3 * DAY_MS + 9 if before is None else None,
            not_before_ms=None if before is None else MIDNIGHT - 4 * DAY_MS,
            not_after_ms=None if after is None else MIDNIGHT - 4 * DAY_MS + 1,
            reported_by="",
            recorded_ms=NOW_MS,
        )
    shown = page(client, links.marker(made(ts_ms=MIDNIGHT - 3 * DAY_MS + offset, **said)))
    numbers = list(counted_links(shown))
    assert len(numbers) > 8
    for url, number in numbers:
        assert rows_behind(url) == number, url
    for url, number in unfinished_links(shown):
        parameters: dict[str, list[str]] = {}
        for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
            parameters.setdefault(name, []).append(value)
        assert unfinished.count(unfinished.parse(parameters)) == number


def unfinished_links(shown: Page) -> Iterator[tuple[str, int]]:
    for link in shown.all("a"):
        if link.attributes["href"].startswith("/unfinished/"):
            yield link.attributes["href"], int(link.words)


@given(
    log=st.lists(strategies.entries(), max_size=15, unique_by=lambda entry: entry.issue_id),
    at=st.integers(NOW_MS - 3 * DAY_MS, NOW_MS) | st.just(MIDNIGHT - DAY_MS),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_number_is_that_of_the_rows_behind_it_in_any_log(client: Client, log: list[Entry], at: int) -> None:
    with transaction.atomic():
        record_all(log)
        for url, number in counted_links(page(client, links.marker(made(ts_ms=at)))):
            assert rows_behind(url) == number, url
        transaction.set_rollback(True)


def test_a_page_says_better_or_worse_or_that_there_is_no_clear_difference(client: Client) -> None:
    record_all(make_rejected(issue_id=f"b{at}", ts_ms=MIDNIGHT - 2 * DAY_MS + at) for at in range(30))
    record_all(make_entry(issue_id=f"a{at}", ts_ms=MIDNIGHT - DAY_MS + at) for at in range(30))
    shown = page(client, links.marker(made(ts_ms=MIDNIGHT - DAY_MS)))
    rows = {row.all("th")[0].words: row.words for row in shown.all("tr")}
    assert "30 of 30" in rows["Rejected runs"]
    assert rows["Rejected runs"].endswith("better−100 points")
    assert "no clear difference" in rows["Unfinished runs"]


@pytest.mark.parametrize("log", [[], [make_entry(ts_ms=NOW_MS - 1)]])
def test_without_runs_on_both_sides_there_is_nothing_to_compare(client: Client, log: list[Entry]) -> None:
    record_all(log)
    assert "There is no time to compare" in page(client, links.marker(made(ts_ms=MIDNIGHT - 9 * DAY_MS))).words


@pytest.mark.parametrize("marker_id", ["0" * 16, "x", "é", "\0", "." * 600])
def test_an_unknown_marker_is_not_found(client: Client, marker_id: str) -> None:
    assert client.get(links.marker(marker_id)).status_code == 404


def test_staff_sets_edits_and_hides_one(staff: Client, client: Client) -> None:
    assert {"/markers/new"} <= {link.attributes["href"] for link in page(staff).all("a")}
    said = {"title": " prompt v12 ", "note": "one\r\ntwo", "at": "2026-11-09T14:00:00Z", "blueprint_id": "main"}
    response = staff.post("/markers/new", said)
    row = Marker.objects.get()
    assert response["Location"] == links.marker(row.pk)
    assert (row.title, row.note, row.ts_ms, row.blueprint_id, row.axis, row.source) == (
        *("prompt v12", "one\ntwo", 1_794_232_800_000, "main", None, "user ada"),
    )
    edit = links.edit_marker(row.pk)
    form = page(staff, edit)
    assert {each.attributes["name"]: each.attributes.get("value") for each in form.all("input")} | {} == {
        **{each.attributes["name"]: each.attributes.get("value") for each in form.all("input")},
        "title": "prompt v12",
        "at": "2026-11-09T14:00:00.000Z",
        "blueprint_id": "main",
    }
    staff.post(edit, said | {"title": "prompt v13", "at": ""})
    row.refresh_from_db()
    assert (row.title, row.ts_ms) == ("prompt v13", 1_794_232_800_000)
    staff.post(links.hide_marker(row.pk), {"hidden": "true"})
    assert titles(page(client)) == []
    assert "hidden" in page(client, links.marker(row.pk)).words
    assert "Hidden by ada" in page(client, links.marker(row.pk)).words
    staff.post(links.hide_marker(row.pk), {"hidden": "false"})
    assert titles(page(client)) == ["prompt v13"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"title": ""}, "required"),
        ({"title": "x" * 201}, "200 characters"),
        ({"title": "a\u2028b"}, "one line"),
        ({"note": "x" * 4001}, "4000 characters"),
        ({"at": "soon"}, "is not a time"),
        ({"at": "0"}, "year 2000"),
        ({"at": str(NOW_MS + 2 * DAY_MS)}, "tomorrow"),
        ({"blueprint_id": "x" * 513}, "512"),
        ({"axis": ".."}, "Must not be"),
    ],
)
def test_what_cannot_be_said_stays_in_the_form(staff: Client, changed: dict[str, str], why: str) -> None:
    response = staff.post("/markers/new", {"title": "a"} | changed)
    assert response.status_code == 400
    errors = [each.words for each in read(response).all("div", class_="field-error")]
    assert any(why in error for error in errors), errors
    assert not Marker.objects.exists()


def test_a_derived_marker_can_be_hidden_but_not_edited(staff: Client) -> None:
    record_all(axis_started())
    (link,) = page(staff).all("th", scope="row")[0].all("a")
    marker_id = link.attributes["href"].rpartition("/")[2]
    assert staff.get(links.edit_marker(marker_id)).status_code == 404
    assert staff.post(links.hide_marker(marker_id), {"hidden": "true"}).status_code == 302
    assert titles(page(staff)) == []
    assert staff.post(links.hide_marker(marker_id), {"hidden": "perhaps"}).status_code == 400


def test_only_staff_sets_edits_and_hides(client: Client) -> None:
    marker_id = made()
    client.force_login(User.objects.create_user("bob"))
    for path in ("/markers/new", links.edit_marker(marker_id), links.hide_marker(marker_id)):
        assert client.post(path, {"title": "a", "hidden": "true"}).status_code == 403
    shown = {link.attributes["href"] for link in page(client).all("a")}
    assert "/markers/new" not in shown
    assert not page(client, links.marker(marker_id)).all("button", name="hidden")
    assert Marker.objects.get().title == "prompt v12"


def axis_started() -> list[Entry]:
    days = ((-3, ["des"]), (-2, ["des", "secrets"]), (-1, ["des", "secrets"]))
    return [
        make_entry(
            issue_id=f"{day} {at}",
            ts_ms=MIDNIGHT + day * DAY_MS + at,
            verdicts=[{"axis": axis, "status": "pass", "detail": ""} for axis in axes],
        )
        for day, axes in days
        for at in range(20)
    ]


def ticks(shown: Page) -> list[list[tuple[str, str]]]:
    """The markers of each chart, and of the lists below them."""
    drawn = [
        [
            (link.attributes["href"], link.all("title")[0].words)
            for link in chart.all("a")
            if link.all("path", class_="tick")
        ]
        for chart in shown.all("svg")
    ]
    listed = [
        [(link.attributes["href"], link.words) for link in each.all("a")]
        for each in shown.all("ul", class_="ticks small")
    ]
    return [each for each in (*drawn, *listed) if each]


def test_a_marker_is_a_tick_on_every_chart_that_it_concerns(client: Client) -> None:
    record_all(axis_started())
    started = (page(client).all("th", scope="row")[0].all("a")[0].attributes["href"], "secrets started")
    assert ticks(page(client, "/", period="7d")) == [[started]] * 3  # the chart, the strip of secrets, and the list
    assert ticks(page(client, links.axis("secrets"), period="7d")) == [[started]] * 2
    assert ticks(page(client, links.axis("des"), period="7d")) == []
    by_hand = (links.marker(made(ts_ms=MIDNIGHT - DAY_MS + 7)), "prompt v12")
    assert ticks(page(client, links.axis("des"), period="7d")) == [[by_hand]] * 2
    assert ticks(page(client, "/", period="24h"))[:1] == []


def test_a_marker_of_another_blueprint_is_no_tick(client: Client) -> None:
    record(make_entry(ts_ms=NOW_MS - 2), make_entry(issue_id="b", ts_ms=NOW_MS - 1, blueprint_id="b"))
    tick = (links.marker(made(ts_ms=NOW_MS - 2, blueprint_id="b")), "prompt v12")
    assert ticks(page(client, "/", period="7d", blueprint_id="main")) == []
    assert [tick] in ticks(page(client, "/", period="7d", blueprint_id="b"))


def test_a_blueprint_s_weeks_have_ticks(client: Client) -> None:
    record_all(axis_started())
    titles_of = [{title for _, title in each} for each in ticks(page(client, links.blueprint("main")))]
    assert titles_of == [{"secrets started"}] * 3  # all rejected runs, the strip of secrets, and the list


def test_a_pattern_s_chart_has_ticks(client: Client) -> None:
    record(make_rejected("noop", ts_ms=NOW_MS - 2))
    tick = (links.marker(made(ts_ms=NOW_MS - 1, axis="noop")), "prompt v12")
    made("of tone", axis="tone", ts_ms=NOW_MS - 1)
    address = next(
        link.attributes["href"]
        for link in page(client, "/patterns/", period="7d").all("a")
        if link.attributes["href"].startswith("/patterns/") and len(link.attributes["href"]) == 26
    )
    assert [tick] in ticks(page(client, address))


def test_a_chart_has_twenty_ticks_at_most_and_says_how_many_more(client: Client) -> None:
    record(make_entry(ts_ms=NOW_MS - 2))
    for number in range(23):
        made(f"{number:02}", ts_ms=NOW_MS - 1000 + number)
    drawn, *_, listed = ticks(page(client, "/", period="7d"))
    assert [title for _, title in drawn] == [f"{number:02}" for number in range(3, 23)]
    assert listed[-1][1] == "+3"
    assert len(titles(page(client, listed[-1][0]))) == 23


def test_an_old_page_is_sent_again_when_a_marker_changes(client: Client, staff: Client) -> None:
    record_all(make_many(30))
    marker_id = made()
    client.get("/")  # which sets a cookie
    for path in ("/", "/markers/", links.marker(marker_id)):
        etag = client.get(path)["ETag"]
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
        staff.post(links.edit_marker(marker_id), {"title": f"of {path}"})
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 200
