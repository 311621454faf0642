"""Every rejection across Blueprints, and the facets beside the list."""

import pytest
from django.test import Client

from enhancelog.domain.times import EARLIEST_MS
from enhancelog.web.list_requests import LONGEST_FILTER
from tests.factories import HASHES, make_entry, make_rejected
from tests.list_pages import refused, row_link, rows, shown, summary
from tests.pages import Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def get(client: Client, path: str) -> Page:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return read(response)


def facet(page: Page, title: str) -> dict[str, tuple[str, str]]:
    """Label to count and address."""
    found = {}
    for part in page.all("div", class_="facet"):
        if [heading.words for heading in part.all("h2")] == [title]:
            for link in part.all("a"):
                (number,) = link.all("span", class_="n")
                label = link.words.removesuffix(number.words).removesuffix(" ×, remove")
                found[label] = (number.words, link.attributes["href"])
    return found


def some_rejections() -> None:
    record(
        make_rejected("noop", issue_id="a", ts_ms=1_000),
        make_rejected("noop", "tone", issue_id="b", ts_ms=2_000, blueprint_id="other"),
        make_rejected("tone", issue_id="c", ts_ms=3_000, prev_hash=HASHES[5]),
        make_entry(issue_id="d", ts_ms=4_000),
        make_entry(issue_id="e", ts_ms=5_000, status="rejected", new_hash="", prev_hash=HASHES[1], blueprint_id=""),
    )


def test_rejections_of_every_blueprint_newest_first(client):
    some_rejections()
    page = get(client, "/rejections/")
    assert shown(page) == ["e", "c", "b", "a"]
    assert summary(page) == "4 entries, newest first"


def test_reason_leads_the_row(client):
    record(make_rejected("noop", detail="nothing changed", intent="do it"))
    page = get(client, "/rejections/")
    (row,) = rows(page)
    assert (row_link(row).words, row_link(row).attributes["dir"]) == ("nothing changed", "auto")
    assert row.words.index("nothing changed") < row.words.index("do it")


def test_facets_count_what_they_lead_to(client):
    some_rejections()
    page = get(client, "/rejections/")
    total = 4
    for title in ("Denied by", "How many axes", "Blueprint", "Worth a look"):
        for number, url in facet(page, title).values():
            assert summary(get(client, url)).startswith(f"{number} entr"), (title, url)
    assert sum(int(number) for number, _ in facet(page, "How many axes").values()) == total
    assert sum(int(number) for number, _ in facet(page, "Blueprint").values()) == total
    assert {label: number for label, (number, _) in facet(page, "Denied by").items()} == {"noop": "2", "tone": "2"}
    assert set(facet(page, "How many axes")) == {"one only", "two or more", "none"}
    assert facet(page, "Blueprint")["(no name)"] == ("1", "/rejections/?blueprint_id=")
    assert facet(page, "Worth a look")["after a gap"][0] == "1"
    assert facet(page, "Source") == {}


def test_denied_axes_add_up_by_and(client):
    some_rejections()
    page = get(client, "/rejections/?axis=noop")
    assert facet(page, "Denied by")["tone"] == ("1", "/rejections/?axis=noop&axis=tone")
    assert shown(get(client, "/rejections/?axis=noop&axis=tone")) == ["b"]


def test_current_choice_is_marked_and_takes_itself_back(client):
    some_rejections()
    page = get(client, "/rejections/?axis=noop")
    assert facet(page, "Denied by")["noop"] == ("2", "/rejections/")
    (current,) = page.all("div", class_="facet")[0].all("a", aria_current="true")
    assert current.attributes["href"] == "/rejections/"


def test_choice_that_matches_nothing_stays_to_be_taken_back(client):
    some_rejections()
    assert facet(get(client, "/rejections/?axis=nobody"), "Denied by")["nobody"] == ("0", "/rejections/")


@pytest.mark.parametrize("name", ["blueprint_id", "axis", "axis_passed", "pattern", "only"])
def test_an_id_that_cannot_exist_matches_nothing(client, name):
    record(make_rejected(issue_id="a"))
    assert "No entry matches this filter." in get(client, f"/rejections/?{name}=..").words


def test_sources_are_a_facet_when_there_are_several(client):
    record(make_rejected(issue_id="a"))
    record(make_rejected(issue_id="b"), source="host-b")
    page = get(client, "/rejections/")
    assert {label: number for label, (number, _) in facet(page, "Source").items()} == {"api": "1", "host-b": "1"}


def test_more_choices_than_shown_are_said(client):
    record_all(make_rejected(f"axis-{n:02}", issue_id=f"h-{n}") for n in range(20))
    page = get(client, "/rejections/?axis=axis-19")
    assert "axis-19" in facet(page, "Denied by")
    assert "and 8 more" in get(client, "/rejections/").words


def test_the_rest_of_a_facet_is_opened_by_its_link_and_keeps_the_filter(client, monkeypatch):
    record_all(make_rejected(f"axis-{n:02}", issue_id=f"h-{n}") for n in range(20))
    address = "/rejections/?blueprint_id=main&facet=axis#facet-axis"
    assert get(client, "/rejections/?blueprint_id=main").addresses("and 8 more") == [address]
    page = get(client, address)
    assert len(facet(page, "Denied by")) == 20
    assert facet(page, "Denied by")["axis-19"] == ("1", "/rejections/?blueprint_id=main&axis=axis-19")
    monkeypatch.setattr("enhancelog.web.facet_links.OPENED", 15)
    page = get(client, address)
    assert "and 5 more" in page.words
    assert page.addresses("and 5 more") == []


def test_empty_blueprint_id_is_a_filter_here(client):
    some_rejections()
    assert shown(get(client, "/rejections/?blueprint_id=")) == ["e"]


def test_status_is_settled_by_the_page(client):
    some_rejections()
    assert summary(get(client, "/rejections/?status=applied")).startswith("4 entries")
    assert client.get("/rejections/?q=status:rejected")["Location"] == "/rejections/"
    assert client.get("/rejections/?q=status:applied").status_code == 400


def test_a_long_filter_makes_no_large_page(client):
    record_all(make_rejected(issue_id=f"h-{n}") for n in range(60))
    plain = len(client.get("/rejections/").content)
    longest = "&".join(f"touches=/agents/{n}/prompt" for n in range(57))
    page = get(client, f"/rejections/?{longest}&not_axis=x")
    assert sum(link.attributes.get("aria-label", "").startswith("Remove") for link in page.all("a")) == 58
    for filter in (f"{longest}&not_axis=x", f"not_text={'y' * (LONGEST_FILTER - len('-text:'))}"):
        assert len(client.get(f"/rejections/?{filter}").content) < 8 * plain
    for path in ("/rejections/", "/search/", "/patterns/", "/blueprints/main"):
        response = client.get(f"{path}?text={'x' * LONGEST_FILTER}")
        assert response.status_code == 400
        assert refused(read(response)) == "filter"


def test_the_longest_filter_of_a_list_leads_to_its_entries(client):
    name = "ж" * 256
    record(make_rejected(issue_id="a", blueprint_id=name, detail="x" * LONGEST_FILTER))
    page = get(client, f"/blueprints/{name}?text={'x' * (LONGEST_FILTER - len('text:'))}")
    assert client.get(row_link(rows(page)[0]).attributes["href"]).status_code == 200


def test_empty_log_shows_the_command_that_fills_it(client):
    assert "manage.py import_log" in get(client, "/rejections/").words


def test_log_without_rejections_says_so(client):
    record(make_entry())
    page = get(client, "/rejections/")
    assert "No run was rejected" in page.words
    assert "import_log" not in page.words


@pytest.mark.parametrize("number", [1, 200])
def test_statements_do_not_grow_with_the_rows(client, django_assert_num_queries, number):
    record_all(make_rejected(f"axis-{n % 50}", issue_id=f"h-{n}", ts_ms=EARLIEST_MS + n) for n in range(number))
    with django_assert_num_queries(7):
        get(client, "/rejections/?page_size=200")
    with django_assert_num_queries(7):
        get(client, "/rejections/?page_size=200&text=o")
