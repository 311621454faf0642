"""Search: entries of any status, the filter box, and what becomes of an address that cannot be read."""

import re

import pytest
from django.test import Client

from tests.factories import make_entry, make_rejected
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


def test_entries_of_any_status(client):
    record(make_entry(issue_id="a", ts_ms=1), make_rejected(issue_id="b", ts_ms=2))
    assert shown(get(client, "/search/")) == ["b", "a"]
    assert shown(get(client, "/search/?status=applied")) == ["a"]


def test_text_is_a_substring_ascii_case_ignored(client):
    record(make_entry(issue_id="a", intent="Cite the LINE"), make_entry(issue_id="b", intent="else"))
    page = get(client, "/search/?text=the+line")
    assert shown(page) == ["a"]
    assert 'value="the line"' in page


def test_text_that_is_an_issue_id_leads_to_its_entry(client):
    record(make_entry(issue_id="ops/デプロイ-3 %"))
    page = get(client, "/search/?text=ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4-3+%25")
    assert 'href="/entries/ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4-3%20%25">ops/デプロイ-3 %</a>' in page


def test_nothing_matches(client):
    record(make_entry())
    assert "Clear filters" in get(client, "/search/?text=zebra")


def test_box_that_was_sent_becomes_parameters(client):
    response = client.get(
        "/search/", {"q": 'axis:noop=pass -status:rejected blueprint:"a b" "the line"', "order": "asc"}
    )
    assert response.status_code == 302
    assert response["Location"] == (
        "/search/?blueprint_id=a+b&not_status=rejected&axis_passed=noop&text=the+line&order=asc"
    )


def test_box_that_was_sent_empty_clears_the_filter(client):
    assert client.get("/search/?q=&axis=noop")["Location"] == "/search/"


def test_box_says_what_the_address_says(client):
    page = get(client, "/search/?text=a%22b&blueprint_id=x&not_axis=noop&since=7d&period=30d")
    assert 'value="blueprint:x -axis:noop period:30d since:7d &quot;a\\&quot;b&quot;"' in page


def test_chips_take_one_parameter_away(client):
    page = get(client, "/search/?axis=noop&axis=des&order=asc")
    assert '<a class="tag" href="/search/?axis=des&amp;order=asc" aria-label="Remove axis:noop">' in page


@pytest.mark.parametrize("path", ["/search/", "/rejections/", "/blueprints/main", "/entries/h-1"])
def test_empty_parameters_are_redirected_away(client, path):
    record(make_rejected())
    response = client.get(f"{path}?text=&axis=noop&since=&order=&colour=")
    assert (response.status_code, response["Location"]) == (302, f"{path}?axis=noop")


def test_empty_blueprint_id_is_redirected_away(client):
    assert client.get("/search/?blueprint_id=")["Location"] == "/search/"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("until=99999999999999999999", "until"),
        ("status=maybe", "status"),
        ("not_has=what", "not_has"),
        ("axes=three", "axes"),
        ("period=1y", "period"),
        ("order=up", "order"),
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("cursor=what", "cursor"),
        ("cursor=%E2%82%AC", "cursor"),
        ("&".join(f"text={n}" for n in range(101)), "text"),
    ],
)
@pytest.mark.parametrize("path", ["/search/", "/rejections/", "/blueprints/main"])
def test_bad_value_in_the_address_is_400_naming_it_with_a_way_out(client, path, query, field):
    record(make_entry())
    response = client.get(f"{path}?{query}")
    assert response.status_code == 400
    page = response.content.decode()
    assert f"<code>{field}</code>" in page
    assert f'<a class="btn" href="{path}">Clear filters</a>' in page


@pytest.mark.parametrize(
    ("text", "field"),
    [("colour:red", "colour"), ("since:yesterday", "since"), ('"open', "filter"), ('blueprint:""', "blueprint")],
)
def test_box_that_cannot_be_read_is_kept_and_named(client, text, field):
    response = client.get("/search/", {"q": text})
    assert response.status_code == 400
    page = response.content.decode()
    assert f"<code>{field}</code>" in page
    assert f'name="q" value="{text.replace(chr(34), "&quot;")}"' in page


def test_cursor_of_another_filter_is_refused(client):
    record_all(make_entry(issue_id=f"h-{n}") for n in range(3))
    following = re.search(r'id="further" href="[^"]*cursor=([^"]*)"', get(client, "/search/?page_size=1"))[1]
    assert client.get(f"/search/?page_size=1&status=applied&cursor={following}").status_code == 400
    assert client.get(f"/search/?page_size=1&cursor={following}").status_code == 200


@pytest.mark.parametrize("value", [".", "..", "a%00b", "x" * 513, "a%0Ab"])
@pytest.mark.parametrize("name", ["blueprint_id", "axis", "axis_passed", "only", "source"])
def test_id_that_the_rules_refuse_matches_nothing(client, name, value):
    record(make_entry(), make_rejected(issue_id="h-2"))
    assert shown(get(client, f"/search/?{name}={value}")) == []


def test_unknown_parameters_are_ignored(client):
    record(make_entry())
    assert shown(get(client, "/search/?colour=red&limit=1")) == ["h-1"]


def test_answers_are_private_and_vary(client):
    response = client.get("/search/")
    assert response["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "HX-Request"} <= {part.strip() for part in response["Vary"].split(",")}


def test_nobody_reads_without_permission(client, settings):
    settings.PUBLIC_READ = False
    for path in ("/search/", "/rejections/", "/blueprints/main", "/entries/h-1"):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/account/sign-in?next=")


@pytest.mark.parametrize("number", [1, 200])
def test_statements_do_not_grow_with_the_rows(client, django_assert_num_queries, number):
    record_all(make_entry(issue_id=f"h-{n}") for n in range(number))
    with django_assert_num_queries(4):
        get(client, "/search/?page_size=200")
    with django_assert_num_queries(5):
        get(client, "/search/?page_size=200&text=o")
