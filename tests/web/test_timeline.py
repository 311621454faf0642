"""The timeline of one Blueprint."""

import pytest
from django.test import Client

from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from enhancelog.links import blueprint
from enhancelog.queries import counts, prepared, reach
from tests.factories import HASHES, make_entry, make_rejected
from tests.list_pages import onward, refused, row_link, rows, shown, summary
from tests.pages import Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

NOON = 1_762_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2  # in 2025


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def chain(number: int, **changes: object) -> list[Entry]:
    """Applied runs, an hour apart, each on the version before."""
    return [
        make_entry(
            issue_id=f"h-{n}",
            prev_hash=f"{n:064x}",
            new_hash=f"{n + 1:064x}",
            ts_ms=NOON + n * 3_600_000,
            intent=f"intent {n}.",
            **changes,
        )
        for n in range(number)
    ]


def get(client: Client, path: str, **headers: str) -> Page:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    return read(response)


def headings(page: Page) -> list[str]:
    return [heading.words for heading in page.all("h2") if heading.attributes.get("id") != "by-week"]


def row_links(page: Page) -> list[str]:
    return [row_link(row).attributes["href"] for row in rows(page)]


def test_newest_first_and_oldest_first_on_request(client):
    record_all(chain(3))
    assert shown(get(client, "/blueprints/main")) == ["h-2", "h-1", "h-0"]
    assert shown(get(client, "/blueprints/main?order=asc")) == ["h-0", "h-1", "h-2"]


def test_only_this_blueprint(client):
    record(make_entry(issue_id="mine"), make_entry(issue_id="other", blueprint_id="other"))
    assert shown(get(client, "/blueprints/main")) == ["mine"]


def test_totals_of_the_blueprint(client):
    record_all(chain(3))
    record(make_rejected(issue_id="no", prev_hash=f"{3:064x}", ts_ms=NOON))
    said = summary(get(client, "/blueprints/main"))
    assert said.startswith("3 versions applied, 1 of 4 attempts rejected (25 %), last run ")


def test_totals_of_a_filter_say_of_what(client):
    record_all(chain(3))
    record(make_rejected(issue_id="no", prev_hash=f"{3:064x}", ts_ms=NOON))
    page = get(client, "/blueprints/main?axis=noop")
    assert summary(page).startswith("1 of 4 entries matches; last run of the Blueprint ")
    assert page.addresses("4 entries") == ["/blueprints/main"]
    assert page.addresses("last run of the Blueprint") == ["/blueprints/main"]
    query = f"since={NOON + 3_600_000}"
    page = get(client, f"/blueprints/main?status=applied&{query}")
    assert summary(page).startswith("2 of 2 entries in this period match; last run of the Blueprint ")
    assert page.addresses("2 entries") == [f"/blueprints/main?{query}"]


def test_totals_obey_the_period(client):
    record_all(chain(3))
    page = get(client, f"/blueprints/main?since={NOON + 3_600_000}")
    assert summary(page).startswith("2 versions applied, 0 of 2 attempts rejected (0 %) in this period; ")


def test_day_headings_are_said_once(client):
    record_all(chain(30))
    page = get(client, "/blueprints/main")
    assert headings(page) == ["Sunday 2 November 2025", "Saturday 1 November 2025"]


def test_denied_axes_stand_in_the_row_with_their_reasons(client):
    record(make_rejected("noop", "tone", detail="too <loud>"))
    page = get(client, "/blueprints/main")
    (row,) = rows(page)
    reasons = row.all("div", class_="why")
    assert [[axis.words for axis in reason.all("bdi")] for reason in reasons] == [["noop"], ["tone"]]
    assert [[text.words for text in reason.all("span", dir="auto")] for reason in reasons] == [["too <loud>"]] * 2


def test_many_denials_are_cut_and_counted(client):
    record(make_rejected(*(f"axis-{n}" for n in range(100))))
    page = get(client, "/blueprints/main")
    (row,) = rows(page)
    assert [axis.words for reason in row.all("div", class_="why") for axis in reason.all("bdi")] == [
        f"axis-{n}" for n in range(6)
    ]
    assert [reason.words for reason in page.all("div", class_="why")][6:] == ["and 94 more"]


def test_gap_is_said_between_the_entry_and_the_one_before(client):
    first, second = chain(2)
    record(first, make_entry(issue_id="h-1", prev_hash=HASHES[9], ts_ms=second.ts_ms))
    for order, ids in (("desc", ["h-1", "h-0"]), ("asc", ["h-0", "h-1"])):
        page = get(client, f"/blueprints/main?order={order}")
        assert shown(page) == ids
        (rail,) = page.all("ol", class_="rail")
        before, gap, behind = [item for item in rail.all("li") if item.attributes.get("class") != "day"]
        assert [before, behind] == rows(page)
        assert gap.words.startswith("Gap: ")
        assert "no earlier entry produced" in gap.words


def test_unbroken_chain_says_no_gap(client):
    record_all(chain(3))
    assert "Gap: " not in get(client, "/blueprints/main").words


def test_inconsistent_entry_carries_its_badge_and_meaning(client):
    record(make_entry(status="rejected", new_hash=""))
    page = get(client, "/blueprints/main")
    (badge,) = page.all("span", title="No axis denied this run, yet it is recorded as rejected.")
    assert badge.words == "rejected without a denial"


@pytest.mark.parametrize("ts_ms", [-1, -(2**63), 2**63 - 1])
def test_implausible_time_is_the_raw_number(client, ts_ms):
    record(make_entry(ts_ms=ts_ms))
    page = get(client, "/blueprints/main")
    (time,) = rows(page)[0].all("span", title="implausible time")
    assert time.words == str(ts_ms)
    assert headings(page) == ["Without a plausible time"]


def test_load_more_goes_on_where_the_page_ended(client):
    record_all(chain(130))
    page = get(client, "/blueprints/main")
    ids = shown(page)
    pages = 1
    while further := onward(page):
        page = get(client, further, **{"HX-Request": "true"})
        assert page.all("html") == []
        ids += shown(page)
        pages += 1
    assert ids == [f"h-{n}" for n in reversed(range(130))]
    assert pages == 3
    assert [end.words for end in page.all("span", id="further", tabindex="-1")] == ["No older entries"]


def test_fragment_goes_on_under_the_same_day(client):
    record_all(make_entry(issue_id=f"h-{n}", ts_ms=NOON + n) for n in range(60))
    following = onward(get(client, "/blueprints/main"))
    assert headings(get(client, following, **{"HX-Request": "true"})) == []
    assert headings(get(client, following)) == ["Saturday 1 November 2025"]


def test_rows_after_a_stopped_scan_stand_under_their_own_day(client, monkeypatch):
    monkeypatch.setattr(reach, "MOST_ROWS", 3)
    record_all(
        make_entry(issue_id=f"h-{n}", ts_ms=NOON + n // 4 * DAY_MS + n, intent="word" if n in (1, 5) else "else")
        for n in range(6)
    )
    page = get(client, "/blueprints/main?text=word")
    assert (shown(page), headings(page)) == (["h-5"], ["Sunday 2 November 2025"])
    later = get(client, onward(page), **{"HX-Request": "true"})
    assert (shown(later), headings(later)) == (["h-1"], ["Saturday 1 November 2025"])


def test_totals_that_were_not_counted_to_the_end_give_no_rate(client, monkeypatch):
    monkeypatch.setattr(prepared, "_kept", {})  # written for another limit
    monkeypatch.setattr(counts, "CAP", 3)
    record_all(chain(4))
    record(make_rejected(issue_id="no", ts_ms=NOON))
    since, until = NOON - 1, NOON + 12 * 3_600_000 - 1
    said = summary(get(client, f"/blueprints/main?since={since}&until={until}"))
    assert said.startswith("3+ versions applied, 1 of 4+ attempts rejected in this period; ")


def test_later_page_as_a_plain_link_leads_back(client):
    record_all(chain(60))
    page = get(client, onward(get(client, "/blueprints/main?page_size=20")))
    assert page.addresses("Back to the newest") == ["/blueprints/main?page_size=20"]


def test_later_pages_do_not_see_what_came_meanwhile(client):
    record_all(chain(60))
    following = onward(get(client, "/blueprints/main"))
    record(make_entry(issue_id="late", ts_ms=NOON - 1))
    assert "late" not in shown(get(client, following))


def test_rows_keep_the_filter_in_their_links(client):
    record(make_rejected("noop"))
    assert row_links(get(client, "/blueprints/main?axis=noop")) == ["/entries/h-1?blueprint_id=main&axis=noop"]


def test_kept_rows_take_the_filter_of_the_page(client):
    record(make_rejected("noop"))
    get(client, "/blueprints/main")
    assert row_links(get(client, "/blueprints/main?axis=noop")) == ["/entries/h-1?blueprint_id=main&axis=noop"]
    assert row_links(get(client, "/blueprints/main")) == ["/entries/h-1?blueprint_id=main"]


def test_source_is_said_where_there_are_several(client):
    record(make_entry())
    assert "from api" not in get(client, "/blueprints/main").words
    record(make_entry(issue_id="h-2"), source="host-b")
    page = get(client, "/blueprints/main")
    assert [row.all("span", class_="thread")[0].words for row in rows(page)] == ["from host-b", "from api"]


def test_nothing_matches(client):
    record(make_entry())
    page = get(client, "/blueprints/main?axis=nobody")
    assert "No entry matches this filter" in page.words
    assert page.addresses("Clear filters") == ["/blueprints/main"]


def test_unknown_blueprint_is_404_with_ways_on(client):
    response = client.get("/blueprints/nobody%20here")
    assert response.status_code == 404
    assert read(response).addresses("Search for it") == ["/search/?text=nobody%20here"]


def test_empty_id_lives_in_the_query(client):
    record(make_entry(blueprint_id=""))
    page = get(client, "/blueprints/?blueprint_id=")
    assert shown(page) == ["h-1"]
    assert [field.attributes["value"] for field in page.all("input", name="blueprint_id")] == [""]
    assert row_links(page) == ["/entries/h-1?blueprint_id="]
    assert shown(get(client, "/blueprints/?blueprint_id=&status=applied")) == ["h-1"]


def test_empty_id_keeps_its_address_when_the_box_is_sent(client):
    record(make_entry(blueprint_id=""))
    response = client.get("/blueprints/?blueprint_id=&q=status:applied")
    assert (response.status_code, response["Location"]) == (302, "/blueprints/?blueprint_id=&status=applied")


def test_blueprint_is_settled_by_the_page(client):
    record(make_entry())
    assert shown(get(client, "/blueprints/main?blueprint_id=other")) == ["h-1"]
    response = client.get("/blueprints/main?q=blueprint:other")
    assert response.status_code == 400
    page = read(response)
    assert refused(page) == "blueprint"
    assert "blueprint is fixed on this page" in page.words
    assert client.get("/blueprints/main?q=blueprint:main")["Location"] == "/blueprints/main"


@pytest.mark.parametrize("number", [1, 200])
def test_statements_do_not_grow_with_the_rows(client, django_assert_num_queries, number):
    record_all(chain(number))
    with django_assert_num_queries(17):  # two of them for the rates by week, six for markers, one for notes
        get(client, blueprint("main", [("page_size", "200")]))
    with django_assert_num_queries(8):  # no row, so none of their tries
        get(client, blueprint("main", [("page_size", "200"), ("has", "gap")]))
    with django_assert_num_queries(6):
        get(client, blueprint("main", [("page_size", "200")]), **{"HX-Request": "true"})
