"""The state of a pattern over HTTP: set, refused to the second of two people, undone, listed."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import MAX_BYTES
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import StateChange, Template
from enhancelog.store import pattern_changes
from tests import pattern_rules
from tests.audited import audited
from tests.factories import make_rejected
from tests.recording import record_all

pytestmark = pytest.mark.django_db

PATTERNS = "/v1/enhance/patterns"


@pytest.fixture(autouse=True)
def log(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_READ = True
    pattern_rules.use(monkeypatch)
    said = ["rude", "rude", "size 1"]
    record_all(
        make_rejected("noop", issue_id=f"h-{at}", detail=detail, ts_ms=now_ms() - DAY_MS)
        for at, detail in enumerate(said)
    )


@pytest.fixture
def staff() -> User:
    return User.objects.create_user("ada", password="correct horse", is_staff=True)


@pytest.fixture
def headers(staff: User) -> dict[str, str]:
    return token(staff)


def token(owner: User, *scopes: str) -> dict[str, str]:
    wanted = api_tokens.Wanted(f"ci {len(scopes)}", scopes or ("triage:write",))
    return {"Authorization": f"Bearer {api_tokens.make(wanted, owner, owner.username)[1]}"}


def key(text: str) -> str:
    return str(Template.objects.get(text=text).key)


def patch(pattern_id: str, headers: dict[str, str], answered: int, body: Any = None, **fields: Any) -> Any:
    content = body if isinstance(body, (bytes, str)) else json.dumps(fields if body is None else body)
    response = Client().generic("PATCH", f"{PATTERNS}/{pattern_id}", content, "application/json", headers=headers)
    assert response.status_code == answered, response.content
    return response


def test_a_state_is_set_and_shown_everywhere(client: Client, headers: dict[str, str]) -> None:
    response = patch(key("rude"), headers, 200, state="expected", cause="verifier", assignee="ada", note="n", odd=1)
    found = response.json()
    assert found["id"] == key("rude")
    state = found["state"]
    assert response["ETag"] == f'"{state["change"]}"'
    assert state == {
        "change": state["change"],
        "state": "expected",
        "cause": "verifier",
        "assignee": "ada",
        "note": "n",
        "most_a_day": None,
        "changed_by": "ci 0",
        "changed_by_kind": "token",
        "changed_ms": state["changed_ms"],
        "returned_ms": None,
        "returned_by": None,
        "conflict": False,
    }
    assert client.get(f"{PATTERNS}/{key('rude')}").json()["state"] == state
    assert {each["id"]: each["state"]["state"] for each in client.get(PATTERNS).json()} == {
        key("rude"): "expected",
        key("size ⟨n⟩"): "new",
    }
    (change,) = client.get(f"{PATTERNS}/history/{key('rude')}").json()
    assert (change["change"], change["state"], change["undoes"]) == (state["change"], "expected", None)
    assert audited().get().actor_name == "ci 0"


def test_what_is_left_out_stays_except_the_note(headers: dict[str, str]) -> None:
    patch(key("rude"), headers, 200, state="expected", cause="prompt", assignee="ada", note="n", most_a_day=4)
    state = patch(key("rude"), headers, 200, cause=None).json()["state"]
    assert (state["state"], state["cause"], state["assignee"]) == ("expected", None, "ada")
    assert (state["note"], state["most_a_day"]) == ("", 4)


def test_the_second_of_two_people_is_told_the_present_state(headers: dict[str, str]) -> None:
    first = patch(key("rude"), {**headers, "If-Match": '"0"'}, 200, state="fixed")
    refused = patch(key("rude"), {**headers, "If-Match": '"0"'}, 412, state="expected")
    assert refused["ETag"] == first["ETag"]
    assert refused.json()["state"] == first.json()["state"]
    assert "ci 0 changed it" in refused.json()["detail"]
    patch(key("rude"), {**headers, "If-Match": first["ETag"]}, 200, state="expected")
    patch(key("rude"), {**headers, "If-Match": f'"0", W/{first["ETag"]}'}, 412, state="new")
    patch(key("rude"), {**headers, "If-Match": "*"}, 200, state="acknowledged")
    patch(key("rude"), headers, 200, state="new")
    assert StateChange.objects.count() == 4


def test_the_latest_change_is_undone_and_no_other(client: Client, headers: dict[str, str]) -> None:
    first = patch(key("rude"), headers, 200, state="acknowledged").json()["state"]["change"]
    second = patch(key("rude"), headers, 200, state="fixed").json()["state"]["change"]
    assert patch(key("rude"), headers, 409, undo=first).json()["state"]["change"] == second
    patch(key("rude"), {**headers, "If-Match": f'"{first}"'}, 412, undo=second)
    undone = patch(key("rude"), headers, 200, undo=second).json()["state"]
    assert undone["state"] == "acknowledged"
    found = client.get(f"{PATTERNS}/history/{key('rude')}").json()
    assert [(each["state"], each["undoes"], each["restores"]) for each in found] == [
        ("acknowledged", second, first),
        ("fixed", None, None),
        ("acknowledged", None, None),
    ]
    last = patch(key("rude"), headers, 200, undo=undone["change"]).json()["state"]
    assert (last["state"], last["conflict"]) == ("new", False)
    assert patch(key("rude"), headers, 400, undo=last["change"]).json()["errors"][0]["field"] == "undo"


def test_a_pattern_that_was_merged_away_is_its_present_one(client: Client, headers: dict[str, str]) -> None:
    pattern_changes.merge(key("rude"), key("size ⟨n⟩"), Origin("user", "ada", "page"))
    assert patch(key("size ⟨n⟩"), headers, 200, state="fixed").json()["id"] == key("rude")
    assert len(client.get(f"{PATTERNS}/history/{key('size ⟨n⟩')}").json()) == 1


def test_lists_by_state(client: Client, headers: dict[str, str]) -> None:
    patch(key("rude"), headers, 200, state="fixed")
    record_all([make_rejected("noop", issue_id="again", detail="rude", ts_ms=now_ms() + 1_000)])

    def listed(**parameters: Any) -> list[str]:
        return [each["template"] for each in client.get(PATTERNS, parameters).json()]

    assert listed() == ["rude", "size ⟨n⟩"]
    assert (listed(state="fixed"), listed(state="returned"), listed(state="new")) == (["rude"], ["rude"], ["size ⟨n⟩"])
    assert (listed(state="conflict"), listed(state=["fixed", "new"])) == ([], ["rude", "size ⟨n⟩"])
    assert client.get(f"{PATTERNS}/{key('rude')}").json()["state"]["returned_by"] == "again"
    refused = client.get(PATTERNS, {"state": "odd"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "state")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"note": ""}, ""),
        ([], ""),
        (b"{", ""),
        (b'{"state": "fixed", "state": "new"}', "state"),
        ({"state": "odd"}, "state"),
        ({"state": None}, "state"),
        ({"cause": "odd"}, "cause"),
        ({"assignee": ""}, "assignee"),
        ({"assignee": "x" * 151}, "assignee"),
        ({"assignee": "nobody"}, "assignee"),
        ({"assignee": "\0"}, "assignee"),
        ({"note": "x" * 4_001, "state": "fixed"}, "note"),
        ({"note": "\ud800", "state": "fixed"}, "note"),
        ({"note": None, "state": "fixed"}, "note"),
        ({"most_a_day": 0}, "most_a_day"),
        ({"most_a_day": 1.5}, "most_a_day"),
        ({"most_a_day": 10**10, "state": "expected"}, "most_a_day"),
        ({"most_a_day": 3, "state": "fixed"}, "most_a_day"),
        ({"undo": 0}, "undo"),
        ({"undo": 2**64}, "undo"),
        ({"undo": 1, "state": "fixed"}, "undo"),
        ({"undo": 1, "note": "n"}, "undo"),
    ],
)
def test_bad_input_is_named(body: Any, field: str, headers: dict[str, str]) -> None:
    problem = patch(key("rude"), headers, 400, body).json()
    assert [each["field"] for each in problem["errors"]] == [field]
    assert not StateChange.objects.exists()


def test_what_else_is_refused(client: Client, headers: dict[str, str], staff: User) -> None:
    patch("0" * 16, headers, 404, state="fixed")
    patch("nonsense", headers, 404, state="fixed")
    assert client.get(f"{PATTERNS}/history/{'0' * 16}").status_code == 404
    patch(key("rude"), headers, 413, " " * (MAX_BYTES + 1))
    assert Client().patch(f"{PATTERNS}/{key('rude')}", b"x", "text/plain", headers=headers).status_code == 415
    patch(key("rude"), {}, 401, state="fixed")
    assert "triage:write" in patch(key("rude"), token(staff, "log:append"), 403, state="fixed").json()["detail"]
    assert not StateChange.objects.exists()


def test_nothing_is_changed_while_the_patterns_are_rebuilt(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enhancelog.patterns.RULES_VERSION", 1000)
    assert "rebuilt" in patch(key("rude"), headers, 400, state="fixed").json()["detail"]
