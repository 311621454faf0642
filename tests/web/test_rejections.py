"""Every rejection across Blueprints, and the facets beside the list."""

import re

import pytest
from django.test import Client

from tests.factories import HASHES, make_entry, make_rejected
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def get(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.content.decode()


def shown(html: str) -> list[str]:
    return re.findall(r'<a href="/entries/([^"?]*)[^"]*" dir="auto"', html)


def facet(html: str, title: str) -> dict[str, tuple[str, str]]:
    """Label to count and address."""
    part = re.search(rf"<h2>{title}</h2>(.*?)</div>", html, re.DOTALL)
    if not part:
        return {}
    links = re.findall(
        r'<a href="([^"]*)"[^>]*><span class="[^"]*">([^<]*?) ?(?:<span.*?</span>)?</span>'
        r'<span class="n">([^<]*)</span>',
        part[1],
    )
    return {label: (number, url.replace("&amp;", "&")) for url, label, number in links}


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
    assert re.findall(r'<a href="/entries/(\w)\?', page) == ["e", "c", "b", "a"]
    assert "4 entries, newest first" in page


def test_reason_leads_the_row(client):
    record(make_rejected("noop", detail="nothing changed", intent="do it"))
    page = get(client, "/rejections/")
    assert 'dir="auto">nothing changed</a>' in page
    assert page.index("nothing changed") < page.index("do it")


def test_facets_count_what_they_lead_to(client):
    some_rejections()
    page = get(client, "/rejections/")
    total = 4
    for title in ("Denied by", "How many axes", "Blueprint", "Worth a look"):
        for number, url in facet(page, title).values():
            assert f"{number} entr" in get(client, url), (title, url)
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
    assert 'href="/rejections/" aria-current="true"' in page


def test_choice_that_matches_nothing_stays_to_be_taken_back(client):
    some_rejections()
    assert facet(get(client, "/rejections/?axis=nobody"), "Denied by")["nobody"] == ("0", "/rejections/")


@pytest.mark.parametrize("name", ["blueprint_id", "axis", "axis_passed", "pattern", "only"])
def test_an_id_that_cannot_exist_matches_nothing(client, name):
    record(make_rejected(issue_id="a"))
    assert "No entry matches this filter." in get(client, f"/rejections/?{name}=..")


def test_sources_are_a_facet_when_there_are_several(client):
    record(make_rejected(issue_id="a"))
    record(make_rejected(issue_id="b"), source="host-b")
    page = get(client, "/rejections/")
    assert {label: number for label, (number, _) in facet(page, "Source").items()} == {"api": "1", "host-b": "1"}


def test_more_choices_than_shown_are_said(client):
    record_all(make_rejected(f"axis-{n:02}", issue_id=f"h-{n}") for n in range(20))
    page = get(client, "/rejections/?axis=axis-19")
    assert "axis-19" in facet(page, "Denied by")
    assert "and 8 more" in get(client, "/rejections/")


def test_empty_blueprint_id_is_a_filter_here(client):
    some_rejections()
    assert re.findall(r'<a href="/entries/(\w)\?', get(client, "/rejections/?blueprint_id=")) == ["e"]


def test_status_is_settled_by_the_page(client):
    some_rejections()
    assert "4 entries" in get(client, "/rejections/?status=applied")
    assert client.get("/rejections/?q=status:rejected")["Location"] == "/rejections/"
    assert client.get("/rejections/?q=status:applied").status_code == 400


def test_empty_log_shows_the_command_that_fills_it(client):
    assert "manage.py import_log" in get(client, "/rejections/")


def test_log_without_rejections_says_so(client):
    record(make_entry())
    page = get(client, "/rejections/")
    assert "No run was rejected" in page
    assert "import_log" not in page


@pytest.mark.parametrize("number", [1, 200])
def test_statements_do_not_grow_with_the_rows(client, django_assert_num_queries, number):
    record_all(make_rejected(f"axis-{n % 50}", issue_id=f"h-{n}", ts_ms=n) for n in range(number))
    with django_assert_num_queries(6):
        get(client, "/rejections/?page_size=200")
    with django_assert_num_queries(6):
        get(client, "/rejections/?page_size=200&text=o")
