"""Search: entries of any status, the filter box, and what becomes of an address that cannot be read."""

import re
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client

from enhancelog.backends import Found
from tests.factories import make_entry, make_rejected
from tests.list_pages import box, onward, refused, row_link, rows, shown, summary
from tests.pages import Element, Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_READ = True


def get(client: Client, path: str, **headers: str) -> Page:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    return read(response)


def search_field(page: Page) -> dict[str, str]:
    """What the search field in every page's header would ask for."""
    return {field.attributes["name"]: field.attributes["value"] for field in page.all("input", type="search")}


def marks(part: Element) -> list[str]:
    return [mark.text for mark in part.all("mark")]


def texts_below(row: Element) -> list[tuple[str, str, list[str]]]:
    """What a row says below its intent: all of it, the text somebody wrote, and what is marked in that."""
    lines = row.all("div", class_="small soft reason")
    return [(line.words, text.words, marks(text)) for line in lines for text in line.all("span", dir="auto")]


def test_entries_of_any_status(client):
    record(make_entry(issue_id="a", ts_ms=1), make_rejected(issue_id="b", ts_ms=2))
    assert shown(get(client, "/search/")) == ["b", "a"]
    assert shown(get(client, "/search/?status=applied")) == ["a"]


def test_text_is_a_substring_ascii_case_ignored(client):
    record(make_entry(issue_id="a", intent="Cite the LINE"), make_entry(issue_id="b", intent="else"))
    page = get(client, "/search/?text=the+line")
    assert shown(page) == ["a"]
    assert box(page) == 'text:"the line"'
    assert search_field(page) == {"phrase": "the line"}


def test_text_that_is_an_issue_id_leads_to_its_entry(client):
    record(make_entry(issue_id="ops/デプロイ-3 %"))
    page = get(client, "/search/?text=ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4-3+%25")
    assert page.addresses("ops/デプロイ-3 %") == ["/entries/ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4-3%20%25"]


def test_nothing_matches(client):
    record(make_entry())
    assert get(client, "/search/?text=zebra").addresses("Clear filters") == ["/search/"]


def test_phrase_finds_words_in_a_row_however_they_are_written(client):
    record(make_entry(issue_id="a", intent="Cite the LINE"), make_entry(issue_id="b", intent="the other line"))
    page = get(client, "/search/?phrase=%EF%BD%94he+line")
    assert shown(page) == ["a"]
    intent = row_link(rows(page)[0])
    assert (intent.text, marks(intent)) == ("Cite the LINE", ["the LINE"])
    assert summary(page) == "1 entry, newest recorded first"


def test_rows_mark_what_was_found_and_quote_what_they_do_not_show(client):
    record(
        make_entry(issue_id="a", rationale=f"{'x ' * 200}a <b>hidden</b> word{' y' * 200}"),
        make_rejected("noop", issue_id="b", detail="the hidden reason"),
        make_entry(issue_id="c", verdicts=[{"axis": "tone", "status": "pass", "detail": "hidden & seen"}]),
        make_entry(issue_id="d", intent=f"first line\n{'z ' * 200}hidden"),
    )
    page = get(client, "/search/?phrase=hidden")
    assert shown(page) == ["d", "c", "b", "a"]
    [cut_line], [detail], [denied], [rationale] = [texts_below(row) for row in rows(page)]
    assert re.fullmatch(r"intent: … z [z ]*z hidden", cut_line[0])
    assert detail == ("detail of tone: hidden & seen", "hidden & seen", ["hidden"])
    assert [each.words for each in rows(page)[1].all("span", class_="mono")] == ["tone"]
    assert denied[1:] == ("the hidden reason", ["hidden"])
    assert re.fullmatch(r"rationale: … x x [x ]*a <b>hidden</b> word y.*", rationale[0])
    for line, text, marked in (cut_line, rationale):
        assert text == line.partition(": ")[2]
        assert marked == ["hidden"]


def test_the_search_box_asks_for_a_phrase(client):
    assert search_field(get(client, "/search/?phrase=a%22b")) == {"phrase": 'a"b'}


def test_phrase_that_is_an_issue_id_leads_to_its_entry(client):
    record(make_entry(issue_id="h-12 of many"), make_entry(issue_id="a b c d e f g h i"))
    assert "/entries/h-12%20of%20many" in get(client, "/search/?phrase=h-12+of+many").addresses("h-12 of many")
    response = client.get("/search/?phrase=a+b+c+d+e+f+g+h+i")
    assert (response.status_code, response["Location"]) == (302, "/entries/a%20b%20c%20d%20e%20f%20g%20h%20i")


def test_phrase_without_a_word_finds_nothing_and_says_why(client):
    record(make_entry(intent="!!"))
    page = get(client, "/search/?phrase=%21%21")
    assert shown(page) == []
    assert "A search needs a letter or a digit." in page.words
    (as_text,) = other_searches(page)
    assert as_text.startswith("/search/?text=")
    assert shown(get(client, as_text)) == ["h-1"]


def other_searches(page: Page) -> list[str]:
    (offers,) = [each for each in page.all("p") if each.words.startswith("Or search for")]
    return [link.attributes["href"] for link in offers.all("a", class_="tag mono")]


def test_nothing_found_offers_what_else_to_look_for(client):
    page = get(client, "/search/?phrase=missing+cita&status=rejected")
    assert other_searches(page) == [
        "/search/?status=rejected&phrase=missing+cita%2A",
        "/search/?status=rejected&phrase=missing",
        "/search/?status=rejected&phrase=cita",
        "/search/?status=rejected&text=missing+cita",
    ]


def test_search_pages_go_on_behind_the_last_position(client):
    record_all(make_entry(issue_id=f"h-{n}", intent="word", ts_ms=-n) for n in range(5))
    page = get(client, "/search/?phrase=word&page_size=2")
    assert summary(page) == "5 entries, newest recorded first"
    found = shown(page)
    while further := onward(page):
        page = get(client, further, **{"HX-Request": "true"})
        found += shown(page)
    assert found == ["h-4", "h-3", "h-2", "h-1", "h-0"]
    assert "No older entries" in page.words


def test_matches_too_many_to_count_in_time_are_the_found_ones_and_more(client, monkeypatch):
    monkeypatch.setattr("enhancelog.queries.search.few", lambda *_: None)
    record_all(make_entry(issue_id=f"h-{n}", intent="word") for n in range(5))
    page = get(client, "/search/?phrase=word&page_size=2")
    assert summary(page) == "2+ entries, newest recorded first"


def test_an_excerpt_shows_the_cells_of_a_table_and_not_its_markup(client):
    record(make_entry(rationale="Before\n\n| axis | runs |\n|:---|---:|\n| sandbox | 12 |\na | b"))
    page = get(client, "/search/?phrase=sandbox")
    assert "rationale: Before axis · runs sandbox · 12 a | b" in page.words
    assert "12" in get(client, '/search/?phrase="sandbox 12"').words


@pytest.mark.parametrize("positions", [[], [1]])
def test_search_that_was_stopped_says_so(client, monkeypatch, positions):
    record(make_entry(intent="word"))
    monkeypatch.setattr("enhancelog.queries.search.find", lambda *_, **__: Found(positions, stopped=True))
    page = get(client, "/search/?phrase=word")
    assert "The search was stopped after 0.2 seconds; narrow it to find all matches." in page.words
    assert bool(page.addresses("Continue")) == bool(positions)


def test_box_that_was_sent_becomes_parameters(client):
    response = client.get(
        "/search/", {"q": 'axis:noop=pass -status:rejected blueprint:"a b" "the line"', "order": "asc"}
    )
    assert response.status_code == 302
    assert response["Location"] == (
        "/search/?blueprint_id=a+b&not_status=rejected&axis_passed=noop&phrase=the+line&order=asc"
    )


def test_box_that_was_sent_empty_clears_the_filter(client):
    assert client.get("/search/?q=&axis=noop")["Location"] == "/search/"


def test_box_says_what_the_address_says(client):
    page = get(client, "/search/?phrase=a%22b&text=c+d&blueprint_id=x&not_axis=noop&since=7d&period=30d")
    assert box(page) == 'blueprint:x -axis:noop period:30d since:7d text:"c d" "a\\"b"'


def test_chips_take_one_parameter_away(client):
    page = get(client, "/search/?axis=noop&axis=des&order=asc")
    (chip,) = page.all("a", aria_label="Remove axis:noop")
    assert chip.attributes["href"] == "/search/?axis=des&order=asc"


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
        ("since=tomorrow", "since"),
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
        ("phrase=a+b+c+d+e+f+g+h+i", "phrase"),
        ("not_phrase=ab%2A", "not_phrase"),
        (f"phrase={'x' * 201}", "phrase"),
    ],
)
@pytest.mark.parametrize("path", ["/search/", "/rejections/", "/blueprints/main"])
def test_bad_value_in_the_address_is_400_naming_it_with_a_way_out(client, path, query, field):
    record(make_entry())
    response = client.get(f"{path}?{query}")
    assert response.status_code == 400
    page = read(response)
    assert refused(page) == field
    assert page.addresses("Clear filters") == [path]


@pytest.mark.parametrize(
    ("text", "field"),
    [("since:tomorrow", "since"), ('"open', "filter"), ('blueprint:""', "blueprint")],
)
def test_box_that_cannot_be_read_is_kept_and_named(client, text, field):
    response = client.get("/search/", {"q": text})
    assert response.status_code == 400
    page = read(response)
    assert refused(page) == field
    assert box(page) == text


def test_an_unknown_filter_is_named_with_those_there_are(client):
    page = read(client.get("/search/", {"q": "colour:red"}))
    assert "Invalid filter" in page.words
    assert "Unknown filter 'colour'. Available filters: " in page.words
    assert box(page) == "colour:red"


@pytest.mark.parametrize("typed", ["TypeError: x is not", "http://example.com/a", "C:\\path", "status: rejected"])
def test_words_that_look_like_a_filter_are_searched(client, typed):
    record(make_entry(issue_id="found", intent=f"Fails with {typed}"), make_entry(issue_id="other"))
    page = read(client.get("/search/", {"q": typed}, follow=True))
    assert shown(page) == ["found"]


def test_cursor_of_another_filter_is_refused(client):
    record_all(make_entry(issue_id=f"h-{n}") for n in range(3))
    following = onward(get(client, "/search/?page_size=1"))
    cursor = urlsplit(following).query.partition("cursor=")[2]
    assert client.get(f"/search/?page_size=1&status=applied&cursor={cursor}").status_code == 400
    assert client.get(f"/search/?page_size=1&cursor={cursor}").status_code == 200


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
    with django_assert_num_queries(5):
        get(client, "/search/?page_size=200")
    with django_assert_num_queries(6):
        get(client, "/search/?page_size=200&text=o")
    with django_assert_num_queries(6 if connection.vendor == "sqlite" else 8):  # 2 around what may take its time
        get(client, "/search/?page_size=200&phrase=cite")


def test_text_is_not_found_in_how_json_writes_a_character(client):
    record(make_rejected(detail="two\nlines\x01", reasons=['a "quoted"\nreason\x01']))
    assert [len(shown(get(client, f"/search/?text={text}"))) for text in ("u0001", "0", "nreason", "%5C")] == [0] * 4
    assert len(shown(get(client, "/search/?text=%22quoted%22%0Areason"))) == 1
