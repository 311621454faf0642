"""States on the pages of patterns: one, many, expected ones out of the ranking, a merge that asks which to keep."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import PatternChange, StateChange, Template
from enhancelog.store import pattern_states
from tests import pattern_rules
from tests.counted import counted_links, rows_behind
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.recording import record_all

pytestmark = pytest.mark.django_db

NOW = now_ms()
BOB = Origin("user", "bob", "page")


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PUBLIC_READ = True
    pattern_rules.use(monkeypatch)
    said = ["rude", "rude", "rude", "size 1", "size 2", "odd"]
    record_all(
        make_rejected("noop", issue_id=f"h-{at}", detail=detail, ts_ms=NOW - DAY_MS) for at, detail in enumerate(said)
    )
    record_all([make_entry(issue_id="fine", ts_ms=NOW - DAY_MS)])


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def key(text: str) -> str:
    return str(Template.objects.get(text=text).key)


def put(text: str, **edit: Any) -> int:
    return pattern_states.change(key(text), StateEdit(**edit), BOB)


def show(path: str, client: Client | None = None, **parameters: Any) -> Page:
    response = (client or Client()).get(path, parameters)
    assert response.status_code == 200, response.content
    return read(response)


def rows(page: Page) -> list[str]:
    return [row.words for row in page.all("tr", data_row="")]


def panel(page: Page) -> str:
    (found,) = page.all("section", aria_labelledby="state")
    return found.words


def form_of(page: Page) -> dict[str, str]:
    fields = {
        each.attributes["name"]: each.attributes.get("value", "")
        for each in page.all("input")
        if "name" in each.attributes
    }
    return {name: value for name, value in fields.items() if name in ("seen", "assignee", "most_a_day")}


def sent(text: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return links.change_pattern("state", key(text)), {"state": "fixed", "seen": "0", **fields}


def test_nobody_has_decided() -> None:
    page = show(links.pattern(key("rude")))
    assert "nobody has decided" in panel(page)
    assert "Set…" not in page.words
    assert not page.all("form", action=links.change_pattern("undo-state", key("rude")))


def test_a_state_is_set_and_undone(staff: Client) -> None:
    User.objects.create_user("bob")
    path, fields = sent("rude", cause="prompt", assignee="bob", note="line one\r\nline two")
    assert form_of(show(path, staff)) == {"seen": "0", "assignee": "", "most_a_day": ""}
    assert staff.post(path, fields)["Location"] == links.pattern(key("rude"))
    change = StateChange.objects.get()
    assert (change.state, change.cause, change.assignee, change.note) == (
        "fixed",
        "prompt",
        "bob",
        "line one\nline two",
    )
    page = show(links.pattern(key("rude")), staff)
    said = panel(page)
    for words in ("fixed", "Patch-writer’s prompt", "bob", "line one line two", "by ada", "History: 1"):
        assert words in said.replace("\n", " "), words
    undo = links.change_pattern("undo-state", key("rude"))
    assert page.all("form", action=undo)
    assert staff.post(undo, {"change": change.pk})["Location"] == links.pattern(key("rude"))
    page = show(links.pattern(key("rude")), staff)
    assert "an undo" in panel(page)
    assert not page.all("form", action=undo)


def test_the_second_of_two_people_sees_the_first_and_keeps_what_was_typed(staff: Client) -> None:
    first = put("rude", state="expected", note="by design")
    path, fields = sent("rude", note="my own words")
    response = staff.post(path, fields)
    assert response.status_code == 409
    page = read(response)
    (alert,) = page.all("p", role="alert")
    assert "bob set it to “expected”" in alert.words
    assert "by design" in alert.words
    assert "my own words" in page.words
    assert form_of(page)["seen"] == str(first)
    assert staff.post(path, fields | {"seen": first}).status_code == 302
    assert StateChange.objects.order_by("-pk")[0].note == "my own words"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "odd"}, "odd is not one of the available choices"),
        ({"state": ""}, "This field is required"),
        ({"seen": "x"}, "whole number"),
        ({"assignee": "nobody"}, "Is no active user"),
        ({"assignee": "x" * 151}, "at most 150"),
        ({"note": "x" * 4_001}, "at most 4000"),
        ({"state": "expected", "most_a_day": "0"}, "greater than or equal to 1"),
        ({"cause": "odd"}, "odd is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(fields: dict[str, str], said: str, staff: Client) -> None:
    path, good = sent("rude")
    response = staff.post(path, good | fields)
    assert response.status_code == 400
    assert said in read(response).words
    assert not StateChange.objects.exists()


def test_bad_requests(staff: Client) -> None:
    assert staff.post(links.change_pattern("state", "0" * 16), {}).status_code == 404
    undo = links.change_pattern("undo-state", key("rude"))
    assert staff.get(undo).status_code == 405
    for change in ("", "x", "9" * 30):
        assert staff.post(undo, {"change": change}).status_code == 400
    put("rude", state="fixed")
    staff.post(undo, {"change": "1000000"})
    assert "Not undone: bob changed the state in the meantime." in show(links.pattern(key("rude")), staff).words
    assert StateChange.objects.count() == 1


def test_only_staff_changes_states() -> None:
    bob = Client()
    bob.force_login(User.objects.create_user("bob"))
    paths = [sent("rude")[0], links.change_pattern("undo-state", key("rude")), "/patterns/states"]
    for path in paths:
        assert Client().post(path, {"state": "fixed"}).status_code == 401
        assert bob.post(path, {"state": "fixed"}).status_code == 403
    for client in (Client(), bob):
        assert not show("/patterns/", client).all("input", type="checkbox")
    assert not StateChange.objects.exists()


def test_a_fixed_pattern_that_returned_leads_to_the_denial() -> None:
    put("rude", state="fixed")
    record_all([make_rejected("noop", issue_id="again", detail="rude", ts_ms=now_ms() + 1_000)])
    page = show(links.pattern(key("rude")))
    assert "denied again" in panel(page)
    (state,) = page.all("section", aria_labelledby="state")
    assert [link.words for link in state.all("a", href=f"/entries/again?pattern={key('rude')}")] == ["denied again"]


def test_an_expected_pattern_that_returned_leads_to_that_day() -> None:
    put("rude", state="expected", most_a_day=1)
    record_all(make_rejected("noop", issue_id=f"n-{n}", detail="rude", ts_ms=now_ms()) for n in range(3))
    page = show(links.pattern(key("rude")))
    (link,) = [each for each in page.all("a") if each.words.startswith("more than 1")]
    assert len(rows(show(link.attributes["href"]))) == 3


def test_a_conflict_is_said() -> None:
    record_all([make_rejected("noop", issue_id=f"t-{n}", detail=f"tone {n}", ts_ms=NOW) for n in "ab"])
    put("tone a", state="expected")
    put("tone b", state="fixed")
    record_all([make_rejected("noop", issue_id="t-c", detail="tone c", ts_ms=NOW)])
    assert "Conflict: a pattern with another state joined" in panel(show(links.pattern(key("tone a"))))
    assert len(rows(show("/patterns/", state="conflict"))) == 1


@pytest.mark.parametrize("path", ["/", "/patterns/"])
def test_expected_patterns_leave_the_ranking_and_stay_counted(path: str) -> None:
    put("rude", state="expected")
    put("odd", state="expected", most_a_day=9)
    page = show(path, period="7d")
    assert "2 expected, 4 denials hidden." in page.words
    assert [row for row in rows(page) if "rude" in row or "odd" in row] == []
    (link,) = page.all("a", id="expected")
    shown = show(
        link.attributes["href"].replace("?", f"{path}?", 1)
        if link.attributes["href"][0] == "?"
        else link.attributes["href"]
    )
    assert "2 expected, 4 denials shown." in shown.words
    assert "rude" in rows(shown)[0]
    assert "period=7d" in link.attributes["href"]
    (back,) = shown.all("a", id="expected")
    assert "expected=" not in back.attributes["href"]
    numbers = [(url, number) for url, number in counted_links(shown) if f"pattern={key('rude')}" in url]
    assert numbers
    assert all(rows_behind(url) == number == 3 for url, number in numbers if "blueprint" not in url)
    assert Client().get(path, {"expected": "odd"}).status_code == 400


def test_links_keep_what_is_shown() -> None:
    put("rude", state="expected")
    for page in (show("/", expected="shown"), show("/patterns/", expected="shown")):
        assert all(
            "expected=shown" in page.all("a", id=f"period-{name}")[0].attributes["href"] for name in ("24h", "all")
        )
    response = Client().get("/patterns/", {"q": "axis:noop", "expected": "shown"})
    assert response["Location"] == "/patterns/?axis=noop&expected=shown"


def test_when_all_are_expected_the_page_says_so() -> None:
    for text in ("rude", "size ⟨n⟩", "odd"):
        put(text, state="expected")
    assert "All patterns of this period are expected." in show("/").words
    assert "All patterns of this list are expected." in show("/patterns/").words


def test_the_list_by_state() -> None:
    put("rude", state="expected")
    put("odd", state="fixed")
    assert [row.split()[2] for row in rows(show("/patterns/", state="expected"))] == ["rude"]
    assert [row.split()[2] for row in rows(show("/patterns/", state="fixed"))] == ["odd"]
    assert [row.split()[2] for row in rows(show("/patterns/", state="new"))] == ["size"]
    page = show("/patterns/", state="returned")
    assert "No pattern with rejections in this period is returned." in page.words
    assert page.all("a", id="state-returned")[0].attributes["aria-current"] == "true"
    assert Client().get("/patterns/", {"state": "odd"}).status_code == 400


def test_many_are_changed_at_once(staff: Client) -> None:
    page = show("/patterns/", staff)
    chosen = [each.attributes["value"] for each in page.all("input", name="pattern")]
    assert len(chosen) == 3
    (back,) = page.all("input", name="back")
    fields = {"pattern": chosen[:2], "state": "acknowledged", "note": "all", "back": back.attributes["value"]}
    response = staff.post("/patterns/states", fields)
    assert response["Location"].startswith("/patterns/?")
    assert "Set to acknowledged: 2 patterns." in show(response["Location"], staff).words
    again = staff.post("/patterns/states", {**fields, "pattern": chosen})
    assert again.status_code == 409
    said = read(again).words
    assert "2 refused" in said
    assert said.count("ada changed it in the meantime; it is acknowledged.") == 2
    assert StateChange.objects.count() == 3


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose at least one"),
        ({"pattern": [f"{n:016x}.0" for n in range(1_001)]}, "at most 1,000"),
        ({"pattern": ["0" * 16 + ".0"], "state": "odd"}, "not one of the available choices"),
    ],
)
def test_a_bad_selection_changes_nothing(fields: dict[str, Any], said: str, staff: Client) -> None:
    response = staff.post("/patterns/states", {"state": "fixed", "back": "//elsewhere", **fields})
    assert response.status_code == 400
    page = read(response)
    assert said in page.words
    assert "//elsewhere" not in {each.attributes["href"] for each in page.all("a")}
    for pattern in ("x", "0" * 16, f"{'0' * 16}.-1"):
        assert staff.post("/patterns/states", {"state": "fixed", "pattern": pattern}).status_code == 400
    gone = staff.post("/patterns/states", {"state": "fixed", "pattern": f"{'0' * 16}.0"})
    assert (gone.status_code, "no such pattern" in read(gone).words) == (409, True)


def test_a_merge_asks_which_state_to_keep(staff: Client) -> None:
    put("rude", state="fixed", note="the prompt says so")
    path = links.change_pattern("merge", key("odd"))
    response = staff.post(path, {"pattern": key("rude")})
    assert response.status_code == 400
    page = read(response)
    assert "different states" in page.words
    assert "the prompt says so" in page.words
    kept = [each.attributes["value"] for each in page.all("input", name="keep")]
    assert kept == [key("odd"), key("rude")]
    assert staff.post(path, {"pattern": key("rude"), "keep": key("rude")}).status_code == 302
    assert "fixed" in panel(show(links.pattern(key("rude"))))
    staff.post(f"/patterns/undo/{PatternChange.objects.get().pk}", {"pattern": key("rude")})
    assert "nobody has decided" in panel(show(links.pattern(key("odd")))) or "new" in panel(
        show(links.pattern(key("odd")))
    )


def test_the_number_of_statements_does_not_grow(staff: Client, django_assert_max_num_queries: Any) -> None:
    record_all(make_rejected("noop", issue_id=f"w-{n}", detail=f"{chr(97 + n)} is wrong", ts_ms=NOW) for n in range(20))
    for number, (text,) in enumerate(Template.objects.order_by("pk").values_list("text")):
        put(text, **({"state": "fixed"} if number % 2 else {"state": "expected", "most_a_day": 1}))
    with django_assert_max_num_queries(22):
        show("/patterns/", staff, expected="shown")
    with django_assert_max_num_queries(35):
        show(links.pattern(key("rude")), staff)
