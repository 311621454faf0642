"""All patterns of a list are set at once, after a page that asks; and what was set is undone."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import AuditRecord, StateChange, Template, TemplateState
from enhancelog.store import pattern_states
from enhancelog.web.pages import many_pattern_states
from tests import pattern_rules
from tests.factories import make_rejected
from tests.pages import Page, read
from tests.recording import record_all

pytestmark = pytest.mark.django_db

NOW = now_ms()
BOB = Origin("user", "bob", "page")
STATES = "/patterns/states"


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PUBLIC_READ = True
    pattern_rules.use(monkeypatch)
    said = [f"{chr(97 + at)} is wrong" for at in range(6)]
    axes = ["noop"] * 4 + ["schema"] * 2
    record_all(
        make_rejected(axis, issue_id=f"h-{at}", detail=detail, ts_ms=NOW - DAY_MS)
        for at, (axis, detail) in enumerate(zip(axes, said, strict=True))
    )


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def key(text: str) -> str:
    return str(Template.objects.get(text=text).key)


def sent(client: Client, query: str, **fields: str) -> Page:
    response = client.post(f"{STATES}{query}", {"state": "expected", "back": query, "all": "1", **fields})
    assert response.status_code == 200, response.content
    return read(response)


def answers(page: Page, action: str) -> dict[str, str]:
    (form,) = page.all("form", action=action)
    return {
        field.attributes["name"]: field.attributes.get("value", "")
        for field in form.all("input")
        if "name" in field.attributes
    }


def states() -> dict[str, str]:
    held = dict(TemplateState.objects.values_list("template", "change__state"))
    return {text: held.get(name, "new") for text, name in Template.objects.order_by("text").values_list("text", "key")}


def test_a_list_that_is_longer_than_its_page_offers_to_set_all(staff: Client) -> None:
    page = read(staff.get("/patterns/", {"page_size": 2}))
    assert [button.words for button in page.all("button", name="all")] == ["Set for all 6 of this list…"]
    (form,) = page.all("form", id="states")
    assert form.attributes["action"] == f"{STATES}?page_size=2&sort=denials"
    assert not read(staff.get("/patterns/")).all("button", name="all")


def test_the_filter_is_confirmed_before_anything_is_changed(staff: Client) -> None:
    page = sent(staff, "?axis=noop", note="by design", most_a_day="9")
    assert "Set 4 patterns to “expected”?" in page.words
    assert "axis:noop" in page.words
    assert "by design" in page.words
    assert not StateChange.objects.exists()
    response = staff.post(STATES, answers(page, STATES))
    assert response.status_code == 200
    assert "Set to expected: 4 patterns." in read(response).words
    assert list(states().values()) == ["expected"] * 4 + ["new"] * 2
    assert set(StateChange.objects.values_list("note", "most_a_day", "actor_name")) == {("by design", 9, "ada")}
    assert AuditRecord.objects.filter(act="pattern.state", actor_name="ada").count() == 4


def test_what_somebody_else_changed_meanwhile_is_named_and_stays(staff: Client) -> None:
    page = sent(staff, "?axis=noop")
    pattern_states.change(key("b is wrong"), StateEdit(state="fixed"), BOB)
    response = staff.post(STATES, answers(page, STATES))
    assert response.status_code == 409
    said = read(response).words
    assert "1 refused" in said
    assert "Set to expected: 3 patterns." in said
    assert "bob changed it in the meantime; it is fixed." in said
    assert states()["b is wrong"] == "fixed"


def test_all_is_undone_but_for_what_somebody_changed_since(staff: Client) -> None:
    pattern_states.change(key("a is wrong"), StateEdit(state="acknowledged", note="mine"), BOB)
    done = read(staff.post(STATES, answers(sent(staff, "?axis=noop"), STATES)))
    pattern_states.change(key("d is wrong"), StateEdit(state="fixed"), BOB)
    response = staff.post("/patterns/undo-states", answers(done, "/patterns/undo-states"))
    assert response.status_code == 409
    assert "bob changed it in the meantime; it is fixed." in read(response).words
    assert list(states().values()) == ["acknowledged", "new", "new", "fixed", "new", "new"]
    assert StateChange.objects.filter(undoes__isnull=False).count() == 3
    again = staff.post("/patterns/undo-states", {"made": "", "back": "?axis=noop"})
    assert again["Location"] == "/patterns/?axis=noop"


def test_more_than_the_limit_are_set_in_several_goes(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_pattern_states, "MOST_AT_ONCE", 4)
    page = sent(staff, "")
    assert "At most 4 are changed at a time" in page.words
    assert "Another 2 match" in page.words
    staff.post(STATES, answers(page, STATES))
    page = sent(staff, "?expected=shown")
    assert "Set 2 patterns" in page.words
    assert "4 more are like this already." in page.words
    staff.post(STATES, answers(page, STATES))
    assert set(states().values()) == {"expected"}
    assert "Nothing to change" in sent(staff, "?expected=shown").words


def test_bad_requests_change_nothing(staff: Client) -> None:
    assert staff.post(f"{STATES}?state=odd", {"state": "fixed", "all": "1"}).status_code == 400
    assert staff.post(f"{STATES}?axis=noop&foo=1", {"state": "odd", "all": "1"}).status_code == 400
    for name in ("x", f"{'0' * 16}", f"{'0' * 16}.-1"):
        assert staff.post(STATES, {"state": "fixed", "confirmed": name}).status_code == 400
        assert staff.post("/patterns/undo-states", {"made": name}).status_code == 400
    many = " ".join(f"{number:016x}.0" for number in range(1_001))
    assert staff.post(STATES, {"state": "fixed", "confirmed": many}).status_code == 400
    assert staff.post("/patterns/undo-states", {"made": many}).status_code == 400
    response = staff.post(STATES, {"state": "fixed", "assignee": "nobody", "confirmed": f"{key('a is wrong')}.0"})
    assert "Is no active user" in read(response).words
    assert not StateChange.objects.exists()


def test_only_staff_sets_and_undoes_many() -> None:
    reader = Client()
    reader.force_login(User.objects.create_user("bob"))
    for path in (STATES, "/patterns/undo-states"):
        assert Client().post(path, {"all": "1", "state": "fixed"}).status_code == 401
        assert reader.post(path, {"all": "1", "state": "fixed"}).status_code == 403


def test_the_statements_for_many_hardly_grow(staff: Client, django_assert_max_num_queries: Any) -> None:
    fields = answers(sent(staff, ""), STATES)
    with django_assert_max_num_queries(40):
        staff.post(STATES, fields)
