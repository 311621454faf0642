"""Notes over HTTP: written within a token's scope, edited and withdrawn by their owner alone, and read in pages."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.accounts import api_tokens
from enhancelog.domain.origin import Origin
from enhancelog.models import Note, NoteVersion, Template, Token
from enhancelog.store import pattern_changes
from tests.audited import audited
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all

ADA = Origin("user", "ada", "page")

pytestmark = pytest.mark.django_db

NOTES = "/v1/notes"
ENTRY = f"{NOTES}?about=entry:h-1"


@pytest.fixture(autouse=True)
def an_entry(settings: Any, db: None) -> None:
    settings.PUBLIC_READ = True
    record(make_entry(issue_id="h-1"))


@pytest.fixture
def staff() -> User:
    return User.objects.create_user("ada", is_staff=True)


def token(owner: User, name: str = "ci", *scopes: str) -> dict[str, str]:
    wanted = api_tokens.Wanted(name, scopes or ("triage:write",))
    _, secret = api_tokens.make(wanted, owner, owner.username)
    return {"Authorization": f"Bearer {secret}"}


def sent(method: str, path: str, headers: dict[str, str], answered: int, **body: Any) -> Any:
    response = Client().generic(method, path, json.dumps(body), "application/json", headers=headers)
    assert response.status_code == answered, response.content
    return response.json() if response.content else None


def test_a_token_writes_a_note(client: Client, staff: User) -> None:
    User.objects.create_user("bob")
    response = client.post(
        ENTRY, {"text": "@bob **see**", "odd": 1}, content_type="application/json", headers=token(staff)
    )
    assert (response.status_code, response["ETag"]) == (201, '"1"')
    made = response.json()
    assert response["Location"] == links.api_note(made["id"])
    assert made == {
        "id": made["id"],
        "about": "entry",
        "about_id": "h-1",
        "author": {"kind": "token", "name": "ci"},
        "text": "@bob **see**",
        "mentions": ["bob"],
        "version": 1,
        "made_ms": made["made_ms"],
        "edited_ms": None,
        "withdrawn_ms": None,
        "withdrawn_by": None,
    }
    assert client.get(ENTRY).json() == [made]
    revision = {"version": 1, "text": "@bob **see**", "mentions": ["bob"], "made_ms": made["made_ms"]}
    assert client.get(response["Location"]).json() == made | {"revisions": [revision]}


def test_an_edit_may_name_the_version_that_it_replaces(client: Client, staff: User) -> None:
    headers = token(staff)
    path = links.api_note(sent("POST", ENTRY, headers, 201, text="one")["id"])
    assert client.get(path)["ETag"] == '"1"'
    assert sent("PATCH", path, headers | {"If-Match": '"1"'}, 200, text="two")["version"] == 2
    for method in ("PATCH", "DELETE"):
        response = Client().generic(
            method, path, '{"text": "x"}', "application/json", headers=headers | {"If-Match": '"1"'}
        )
        assert (response.status_code, response["ETag"]) == (412, '"2"')
    sent("PATCH", path, headers | {"If-Match": "odd"}, 400, text="x")
    assert client.get(path, headers={"If-None-Match": '"2"'}).status_code == 304
    assert sent("PATCH", path, headers, 200, text="three")["version"] == 3
    assert [each["text"] for each in client.get(path).json()["revisions"]] == ["three", "two", "one"]


def test_a_withdrawn_note_cannot_be_read(client: Client, staff: User) -> None:
    headers = token(staff)
    path = links.api_note(sent("POST", ENTRY, headers, 201, text="one")["id"])
    for _ in range(2):
        sent("DELETE", path, headers, 204)
    found = client.get(path).json()
    assert (found["text"], found["revisions"], found["withdrawn_by"], found["version"]) == ("", [], "ci", 2)
    assert client.get(ENTRY).json()[0]["text"] == ""
    assert "withdrawn" in sent("PATCH", path, headers, 409, text="again")["detail"]
    assert NoteVersion.objects.count() == 1
    assert list(audited().values_list("act", "actor_name")) == [*(("note.add", "ci"), ("note.withdraw", "ci"))]


def test_a_note_belongs_to_the_owner_and_the_name_of_its_token(staff: User) -> None:
    headers, other = token(staff), token(staff, "other")
    colleague = User.objects.create_user("bob", is_staff=True)
    path = links.api_note(sent("POST", ENTRY, headers, 201, text="one")["id"])
    for method in ("PATCH", "DELETE"):
        for stranger in (other, token(colleague, f"bob {method}")):
            assert "who wrote" in sent(method, path, stranger, 403, text="x")["detail"]
    Token.objects.filter(name="ci").update(revoked="2026-01-01T00:00:00Z")
    sent("PATCH", path, token(colleague), 403, text="x")  # another has the name now
    owner = Client()
    owner.force_login(staff)
    assert owner.patch(path, {"text": "two"}, content_type="application/json").status_code == 200
    assert Note.objects.get().text == "two"
    for scope in ("log:append", "content:write"):
        assert "triage:write" in sent("POST", ENTRY, token(staff, scope, scope), 403, text="x")["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\t"}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": 1}, "text"),
        ({"text": None}, "text"),
        ({"text": "a\0b"}, "text"),
    ],
)
def test_a_bad_text_is_named(staff: User, body: dict[str, Any], field: str) -> None:
    headers = token(staff)
    assert [each["field"] for each in sent("POST", ENTRY, headers, 400, **body)["errors"]] == [field]
    path = links.api_note(sent("POST", ENTRY, headers, 201, text="one")["id"])
    assert [each["field"] for each in sent("PATCH", path, headers, 400, **body)["errors"]] == [field]
    assert Note.objects.get().text == "one"


def test_a_large_body_and_another_media_type_are_refused(staff: User) -> None:
    headers = token(staff)
    sent("POST", ENTRY, headers, 413, text="x" * 70_000)
    assert Client().post(ENTRY, {"text": "x"}, headers=headers).status_code == 415
    response = Client().generic("POST", ENTRY, "[]", "application/json", headers=headers)
    assert response.status_code == 400


@pytest.mark.parametrize(
    "query", ["", "about=", "about=entry", "about=axis:noop", "about=entry:", "about=entry:%01", "about=entry:..",
              "about=entry:a&about=entry:b", f"about=entry:{'x' * 513}"],
)  # fmt: skip
def test_a_bad_subject_is_named(client: Client, staff: User, query: str) -> None:
    response = client.get(f"{NOTES}?{query}")
    assert response.status_code == 400
    assert [each["field"] for each in response.json()["errors"]] == ["about"]
    sent("POST", f"{NOTES}?{query}", token(staff), 400, text="x")


@pytest.mark.parametrize("about", ["entry:nobody", f"pattern:{'0' * 16}", "pattern:a/b", "blueprint:", "marker:a/b"])
def test_what_does_not_exist_is_not_found(client: Client, staff: User, about: str) -> None:
    path = f"{NOTES}?about={quote(about)}"
    assert client.get(path).status_code == 404
    assert "There is nothing" in sent("POST", path, token(staff), 404, text="x")["detail"]
    for note_id in ("0" * 16, "a/b", "%00"):
        assert client.get(f"{NOTES}/{note_id}").status_code == 404
        sent("PATCH", f"{NOTES}/{note_id}", token(staff, note_id), 404, text="x")


def test_odd_ids_have_notes(client: Client, staff: User) -> None:
    odd = 'a/b?c#d%2F"<b>&about=x:y'
    record_all([make_entry(issue_id=odd, blueprint_id=""), make_entry(issue_id="é" * 256, blueprint_id=odd)])
    headers = token(staff)
    for about in (f"entry:{odd}", "blueprint:", f"entry:{'é' * 256}", f"blueprint:{odd}"):
        path = f"{NOTES}?about={quote(about, safe='')}"
        made = sent("POST", path, headers, 201, text=about)
        assert f"{made['about']}:{made['about_id']}" == about
        assert client.get(path).json() == [made]


def test_notes_are_read_in_pages(client: Client, staff: User) -> None:
    headers = token(staff)
    made = [sent("POST", ENTRY, headers, 201, text=f"{number}")["id"] for number in range(51)]
    first = client.get(ENTRY)
    address = first["Link"].removeprefix("<").partition(">")[0]
    second = client.get(address)
    assert sorted(each["id"] for each in first.json() + second.json()) == sorted(made)
    assert (len(first.json()), "Link" in second) == (50, False)
    assert client.get(ENTRY, headers={"If-None-Match": first["ETag"]}).status_code == 304
    sent("POST", ENTRY, headers, 201, text="new")
    assert client.get(ENTRY, headers={"If-None-Match": first["ETag"]}).status_code == 200
    assert [each["field"] for each in client.get(f"{ENTRY}&cursor=odd").json()["errors"]] == ["cursor"]


def test_notes_of_a_joined_pattern_are_its_own(client: Client, staff: User) -> None:
    record_all(make_rejected("noop", issue_id=text, detail=text) for text in ("first thing", "other words"))
    first, other = Template.objects.order_by("first_position").values_list("key", flat=True)
    headers = token(staff)
    made = sent("POST", f"{NOTES}?about=pattern:{other}", headers, 201, text="one")
    pattern_changes.merge(first, other, ADA)
    again = sent("POST", f"{NOTES}?about=pattern:{other}", headers, 201, text="two")
    assert again["about_id"] == first
    for key in (first, other):
        assert {each["id"] for each in client.get(f"{NOTES}?about=pattern:{key}").json()} == {made["id"], again["id"]}
