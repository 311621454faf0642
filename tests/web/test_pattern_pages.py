"""The pages of deny patterns: what denies in a period, one pattern, and what staff split and merge by hand."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog import links
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import PatternChange, PatternRules, Template
from tests import pattern_rules
from tests.counted import counted_links, rows_behind
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.plans import whole_tables
from tests.recording import record_all

pytestmark = pytest.mark.django_db

NOW = now_ms()


@pytest.fixture(autouse=True)
def plain_rules(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PUBLIC_READ = True
    pattern_rules.use(monkeypatch)


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def record_some() -> None:
    said = ["size 1", "tone a", "tone b", "size 2", "size 30"]
    record_all(
        make_rejected("noop", issue_id=f"h-{at}", detail=detail, ts_ms=NOW - at * DAY_MS, blueprint_id=f"b{at % 2}")
        for at, detail in enumerate(said)
    )
    record_all(
        [
            make_rejected("tone", issue_id="rude", detail="rude", ts_ms=NOW - 2 * DAY_MS),
            make_rejected("tone", issue_id="before", detail="rude", ts_ms=NOW - 9 * DAY_MS),
            make_entry(issue_id="fine", ts_ms=NOW),
        ]
    )


def key(text: str) -> str:
    return str(Template.objects.get(text=text).key)


def show(path: str, client: Client | None = None, **parameters: Any) -> Page:
    response = (client or Client()).get(path, parameters)
    assert response.status_code == 200, response.content
    return read(response)


def rows(page: Page) -> list[str]:
    return [row.words for row in page.all("tr", data_row="")]


def facts(page: Page) -> dict[str, str]:
    terms, said = ([each.words for each in page.all(tag)] for tag in ("dt", "dd"))
    return dict(zip(terms, said, strict=True))


def test_the_list_ranks_by_denials_and_compares_with_the_period_before() -> None:
    record_some()
    found = rows(show("/patterns/"))
    assert [re.sub(r" \d{4}-.*", "", row) for row in found] == [
        "noop deny size n new b0 2 3 43 % +3",
        "tone deny rude main 1 1 14 % ±0",
        "noop deny tone a new b1 1 1 14 % +1",
        "noop deny tone b new b0 1 1 14 % +1",
    ]


def test_every_number_lists_exactly_what_it_counts() -> None:
    record_some()
    for query in ("", "?period=all", "?blueprint_id=b0", "?axis=noop&period=30d", "?text=e"):
        page = show(f"/patterns/{query}")
        for row in page.all("tr", data_row=""):
            numbers = [link for link in row.inside if link.tag == "a" and link.attributes["href"][:5] == "/reje"]
            assert numbers
            for link in numbers:
                listed = show(link.attributes["href"])
                assert len(rows(listed)) == int(link.words.split()[-1])


@pytest.mark.parametrize(
    ("sort", "order", "first"),
    [("axis", "desc", "rude"), ("denials", "asc", "rude"), ("change", "asc", "rude"), ("first", "desc", "tone a")],
)
def test_columns_sort_by_plain_links(sort: str, order: str, first: str) -> None:
    record_some()
    page = show("/patterns/", sort=sort, order=order)
    assert first in rows(page)[0]
    assert page.all("a", id=f"sort-{sort}")[0].attributes["aria-current"] == "true"


def test_rows_that_do_not_fit_follow_on_request() -> None:
    record_some()
    page = show("/patterns/", page_size=3)
    assert len(rows(page)) == 3
    (more,) = [link for link in page.all("a") if link.words == "More patterns"]
    assert len(rows(show(more.attributes["href"]))) == 1


@pytest.mark.parametrize(
    "query", [{"sort": "size"}, {"skip": "-1"}, {"order": "up"}, {"period": "1y"}, {"status": "x"}]
)
def test_a_bad_parameter_is_a_bad_request(query: dict[str, str]) -> None:
    record_some()
    assert Client().get("/patterns/", query).status_code == 400


def test_a_box_is_read_and_what_it_says_is_the_address() -> None:
    record_some()
    response = Client().get("/patterns/", {"q": "blueprint:b1 axis:noop"})
    assert (response.status_code, response["Location"]) == (302, "/patterns/?blueprint_id=b1&axis=noop")
    assert len(rows(show(response["Location"]))) == 2


def test_an_empty_log_says_how_to_fill_it_and_an_empty_period_that_nothing_was_rejected() -> None:
    assert "import_log" in show("/patterns/").words
    record_all([make_entry(issue_id="fine", ts_ms=NOW)])
    assert "Nothing was rejected in this period." in show("/patterns/").words
    assert "No rejection in this period matches this filter." in show("/patterns/", axis="noop").words


def test_a_pattern_shows_its_denials_holes_blueprints_and_days() -> None:
    record_some()
    page = show(links.pattern(key("size ⟨n⟩")))
    assert "3 denials since" in page.words
    assert [row[:6] for row in rows(page)][:3] == ["size 1", "size 2", "size 3"]
    assert [each.words for each in page.all("h3")] == ["n 1st variable, a number"]
    assert "from the newest 3 denials" in page.words
    assert facts(page) == {"median": "2", "range": "1 – 30", "b0": "2", "b1": "1"}
    assert page.all("a", href="/entries/h-0?pattern=" + key("size ⟨n⟩"))
    table = [link for link in page.all("a") if link.attributes["href"].startswith("/rejections/?pattern=")]
    assert [link.words for link in table if "since" in link.attributes["href"]] == ["1", "1", "1"]


def test_a_pattern_of_long_ago_shows_the_three_weeks_up_to_its_last_denial() -> None:
    record_all([make_rejected(issue_id="old", ts_ms=NOW - 100 * DAY_MS)])
    page = show(links.pattern(key("patch is no-op")))
    assert "3 weeksup to" in page.words
    assert "No variables: every denial has the same text." in page.words


def test_what_passed_instead_is_the_applied_run_at_the_same_wish() -> None:
    intent = "keep it short"
    record_all(
        [
            make_rejected("tone", issue_id="one", detail="rude", intent=intent, ts_ms=NOW - 3000),
            make_rejected("noop", issue_id="two", intent=intent, ts_ms=NOW - 2000),
            make_entry(issue_id="three", intent=f"Again: {intent}", ts_ms=NOW - 1000),
        ]
    )
    page = show(links.pattern(key("rude")))
    assert "after 2 more attempts" in page.words
    numbers = show(links.pattern(key("patch is no-op"))).all("td", class_="num soft small")
    assert numbers[-1].words == "after 1 more attempt"
    assert page.all("a", href="/entries/three")[0].words == f"Again: {intent}"


def test_what_came_next_after_its_denials_with_the_rows_behind_each_number() -> None:
    said = [("a", "size 1"), ("a", "size 2"), ("a", "rude"), ("b", "size 3")]
    record_all(
        make_rejected("noop", issue_id=f"h-{at}", intent=intent, detail=detail, ts_ms=NOW - 1000 + at)
        for at, (intent, detail) in enumerate(said)
    )
    record_all([make_entry(issue_id="odd", ts_ms=NOW, verdicts=[denial("noop", "size 4")])])
    page = show(links.pattern(key("size ⟨n⟩")))
    assert rows(page)[4:8] == [
        "Applied 0 of 3 0 %few runs",
        "Denied by the same 1 of 3 33 %few runs",
        "Denied by others only 1 of 3 33 %few runs",
        "Not tried again 1 of 3 33 %few runs",
    ]
    numbers = [(url, number) for url, number in counted_links(page) if "next=" in url]
    assert [number for _, number in numbers] == [0, 1, 1, 1]
    assert [rows_behind(url) for url, _ in numbers] == [0, 1, 1, 1]


def test_a_pattern_can_be_copied_as_a_prompt() -> None:
    record_all([make_rejected("noop", issue_id="a", detail="</pre>\n<b>rude</b>", ts_ms=NOW)])
    page = show(links.pattern(Template.objects.get().key))
    (button,) = page.all("a", data_copy_of="prompt")
    assert (button.words, button.attributes["href"]) == ("Copy as prompt", "#prompt")
    (text,) = page.all("pre", id="prompt")
    assert text.text == Client().get(f"/v1/enhance/patterns/{Template.objects.get().key}?format=text").content.decode()
    assert "> reason: </pre> <b>rude</b>" in text.text


def denial(axis: str, detail: str) -> dict[str, str]:
    return {"axis": axis, "status": "deny", "detail": detail}


def test_the_id_of_a_template_that_was_joined_leads_to_the_pattern() -> None:
    record_some()
    record_all([make_rejected("noop", issue_id="more", detail="tone c", ts_ms=NOW)])
    assert Client().get(links.pattern(key("tone c")))["Location"] == links.pattern(key("tone a"))
    page = show(links.pattern(key("tone a")))
    assert page.all("h1")[0].words == "tone words"
    members = page.words.partition("Templates")[2]
    assert members.index("tone a") < members.index("tone b") < members.index("tone c")


@pytest.mark.parametrize("pattern_id", ["0" * 16, "nonsense", "%2F", "日本"])
def test_an_unknown_pattern_is_not_found(pattern_id: str) -> None:
    assert Client().get(f"/patterns/{pattern_id}").status_code == 404


def test_texts_of_verifiers_are_shown_as_text() -> None:
    hostile = '<script>alert(1)</script> "><img src=x> ⟨n⟩'
    record_all(
        [make_rejected("<b>axis", issue_id="bad", detail=hostile, intent=hostile, ts_ms=NOW, blueprint_id="<i>")]
    )
    template = Template.objects.get()
    for path in ("/patterns/", links.pattern(template.key), "/entries/bad"):
        page = show(path)
        assert "<b>axis" in page.words
        assert "<script>alert(" in page.words
        assert not any(script.text for script in page.all("script"))
        assert not page.all("img") + page.all("i")
        assert not any("axis" in bold.text for bold in page.all("b"))


def test_an_entry_leads_from_each_denial_to_its_like() -> None:
    record_some()
    page = show("/entries/h-0")
    assert page.all("a", href=links.pattern(key("size ⟨n⟩")))[0].words == "2 more like this"
    assert show("/entries/h-1").all("a", href=links.pattern(key("tone a")))[0].words == "the only one like this"


def test_a_rebuild_is_said_and_nothing_can_be_changed_meanwhile(staff: Client) -> None:
    record_some()
    PatternRules.objects.update(building=99, done=4)
    for path in ("/patterns/", links.pattern(key("size ⟨n⟩"))):
        assert "rebuilding 50 %" in show(path, staff).words
    assert "Merge…" not in show(links.pattern(key("size ⟨n⟩")), staff).words
    PatternRules.objects.update(served=99)
    response = staff.post(links.change_pattern("merge", key("rude")), {"pattern": key("tone a")})
    assert response.status_code == 404  # nothing of these rules is served


def test_staff_split_a_pattern_and_undo_it(staff: Client) -> None:
    record_some()
    record_all([make_rejected("noop", issue_id="more", detail="tone c", ts_ms=NOW)])
    leader = key("tone a")
    assert "Split…" in show(links.pattern(leader), staff).words
    form = show(links.change_pattern("split", leader), staff)
    assert len(form.all("input", type="checkbox")) == 3
    response = staff.post(links.change_pattern("split", leader), {"template": [key("tone c")]})
    assert response["Location"] == links.pattern(key("tone c"))
    page = show(links.pattern(key("tone c")), staff)
    assert "1 denial since" in page.words
    assert "Split off by ada" in page.words
    change = PatternChange.objects.get()
    assert page.all("form", action=f"/patterns/undo/{change.pk}")
    response = staff.post(f"/patterns/undo/{change.pk}", {"pattern": key("tone c")})
    assert response["Location"] == links.pattern(leader)
    assert "undone by ada" in show(links.pattern(leader), staff).words
    assert len(set(Template.objects.filter(text__startswith="tone").values_list("pattern", flat=True))) == 1


def test_staff_merge_two_patterns_of_an_axis(staff: Client) -> None:
    record_some()
    form = show(links.change_pattern("merge", key("tone a")), staff)
    assert {each.attributes["value"] for each in form.all("input", type="radio")} == {key("size ⟨n⟩"), key("tone b")}
    response = staff.post(links.change_pattern("merge", key("tone a")), {"pattern": key("size ⟨n⟩")})
    assert response["Location"] == links.pattern(key("size ⟨n⟩"))
    page = show(links.pattern(key("size ⟨n⟩")), staff)
    assert "4 denials since" in page.words
    assert "from the newest 3 denials with this template" in page.words
    assert Client().get(links.pattern(key("tone a")))["Location"] == links.pattern(key("size ⟨n⟩"))


def test_what_cannot_be_changed_is_said_beside_the_form(staff: Client) -> None:
    record_some()
    split, merge = (links.change_pattern(kind, key("size ⟨n⟩")) for kind in ("split", "merge"))
    for path, data, said in [
        (split, {}, "must be templates of this pattern"),
        (split, {"template": ["0" * 16]}, "must be templates of this pattern"),
        (split, {"template": [key("size ⟨n⟩")]}, "must leave the pattern at least one template"),
        (merge, {}, "must be one of the list"),
        (merge, {"pattern": key("rude")}, "must be a pattern of the axis noop"),
        (merge, {"pattern": key("size ⟨n⟩")}, "is the same pattern"),
    ]:
        response = staff.post(path, data)
        assert response.status_code == 400
        assert said in read(response).words
        chosen = [each.attributes["value"] for each in read(response).all("input") if "checked" in each.attributes]
        assert chosen == ([key("size ⟨n⟩")] if "at least one template" in said else [])
    assert not PatternChange.objects.exists()
    assert staff.post("/patterns/undo/99").status_code == 404
    assert staff.get(links.change_pattern("split", "0" * 16)).status_code == 404


def test_only_staff_change_patterns() -> None:
    record_some()
    paths = [links.change_pattern("split", key("rude")), links.change_pattern("merge", key("rude"))]
    bob = Client()
    bob.force_login(User.objects.create_user("bob"))
    for path in [*paths, "/patterns/undo/1"]:
        data = {"template": key("rude"), "pattern": key("tone a")}
        assert Client().post(path, data).status_code == 401
        assert bob.post(path, data).status_code == 403
    for client in (Client(), bob):
        assert "Merge…" not in show(links.pattern(key("rude")), client).words
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_user("eve", is_staff=True))
    assert strict.post(paths[0], data).status_code == 403
    assert not PatternChange.objects.exists()


@pytest.mark.parametrize("number", [1, 40])
def test_the_number_of_statements_does_not_grow(number: int, django_assert_max_num_queries: Any) -> None:
    record_all(
        make_rejected(
            f"axis-{at % 7}", "noop", issue_id=f"h-{at}", detail=f"size {at}", ts_ms=NOW, intent=f"intent {at}"
        )
        for at in range(number)
    )
    path = links.pattern(Template.objects.get(axis="noop").key)
    with django_assert_max_num_queries(14):
        show("/patterns/")
    with django_assert_max_num_queries(31):
        show(path)


def test_no_statement_reads_a_whole_table_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.web.revalidation.log_version", tuple)  # begins at the log's end
    record_some()
    for path in ("/patterns/", "/patterns/?axis=noop&period=all", links.pattern(key("size ⟨n⟩")), "/patterns/?text=e"):
        with CaptureQueriesContext(connection) as queries:
            assert Client().get(path).status_code == 200
        assert not {"entry", "denialpattern", "denial"} & whole_tables(queries), path
