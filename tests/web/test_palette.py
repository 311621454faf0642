"""The palette: names of every kind by a part of them, as a page and as a fragment; and the filter box's completions."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.accounts import saved_views
from enhancelog.queries import find
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def log(settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(
        make_rejected("noop", issue_id="h-1", blueprint_id="team-a", detail="patch is no-op", ts_ms=1_795_000_000_000),
        make_rejected("Budget", issue_id="h-2", blueprint_id="ops/デプロイ %", detail="too many tokens"),
        make_entry(issue_id="H-3", blueprint_id="", ops=[{"op": "remove", "path": "/agents/writer"}]),
    )


def found(client: Client, text: str, **headers: str) -> dict[str, list[tuple[str, str]]]:
    """Each heading's links, as words and addresses."""
    page = read(client.get("/palette/", {"find": text} if text else {}, headers=headers))
    (results,) = page.all("div", id="palette-found")
    groups: dict[str, list[tuple[str, str]]] = {}
    for element in results.inside:
        if element.tag == "h2":
            groups[element.words] = here = []
        if element.tag == "a" and groups:
            here.append((element.words, element.attributes["href"]))
    return groups


def test_each_kind_is_found_by_a_part_of_its_name_in_any_case() -> None:
    client = Client()
    assert found(client, "TEAM") == {"Blueprints": [("team-a", "/blueprints/team-a")]}
    assert found(client, "プロ")["Blueprints"] == [
        ("ops/デプロイ %", "/blueprints/ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4%20%25")
    ]
    assert found(client, "budget")["Axes"] == [("Budget rejections", "/rejections/?axis=Budget")]
    ((words, address),) = found(client, "many tok")["Patterns"]
    assert words == "Budget deny too many tokens"
    assert client.get(address).status_code == 200


def test_an_entry_is_found_by_the_beginning_of_its_id_as_it_is_written() -> None:
    client = Client()
    assert found(client, "h-")["Entries"] == [("h-1 rejected", "/entries/h-1"), ("h-2 rejected", "/entries/h-2")]
    assert found(client, "H-3") == {"Entries": [("H-3 applied", "/entries/H-3")]}
    assert "Entries" not in found(client, "-1")


def test_without_a_text_the_blueprints_that_ran_last_come_first() -> None:
    groups = found(Client(), "")
    assert [words for words, _ in groups["Blueprints"]] == ["(no name)", "ops/デプロイ %", "team-a"]
    assert "Entries" not in groups


def test_own_and_shared_views_are_found_and_no_others() -> None:
    ada, bob = (User.objects.create_user(name) for name in ("ada", "bob"))
    saved_views.make(ada, "Noop of mine", "/rejections/?axis=noop")
    saved_views.make(bob, "Noop shared", "/search/?axis=noop", shared=True)
    saved_views.make(bob, "Noop of Bob", "/search/?axis=noop")
    client = Client()
    assert "Saved views" not in found(client, "noop")
    client.force_login(ada)
    assert found(client, "noop")["Saved views"] == [
        ("Noop of mine", "/rejections/?axis=noop"),
        ("Noop shared", "/search/?axis=noop"),
    ]


def test_htmx_gets_the_same_without_the_rest_of_the_page() -> None:
    client = Client()
    assert found(client, "team", HX_Request="true") == found(client, "team")
    assert not read(client.get("/palette/", headers={"HX-Request": "true"})).all("body")


@pytest.mark.parametrize("text", ["nothing like it", "\0", "x" * 2_000, "'\"<b>", "%", "\\"])
def test_what_has_no_such_name_is_told(text: str) -> None:
    response = Client().get("/palette/", {"find": text})
    assert response.status_code == 200
    assert read(response).words.count("Nothing has this name.") == (text != "%")


def test_few_rows_of_a_kind_and_those_that_start_with_it_first() -> None:
    record_all(make_rejected(f"x-{n}-noop", issue_id=f"i-{n}", blueprint_id=f"b-{n}") for n in range(20))
    groups = found(Client(), "noop")
    assert len(groups["Axes"]) == find.MOST
    assert groups["Axes"][0][0] == "noop rejections"
    with CaptureQueriesContext(connection) as many:
        found(Client(), "b-")
    with CaptureQueriesContext(connection) as few:
        found(Client(), "team")
    assert len(many) == len(few)


def options(q: str) -> list[str]:
    page: Page = read(Client().get("/palette/completions", {"q": q}))
    return [option.attributes["value"] for option in page.all("option")]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("ax", ["axis:", "axes:"]),
        ("axis:n", ["axis:noop"]),
        ("status:rejected only:B", ["status:rejected only:Budget"]),
        ("blueprint:team", ["blueprint:team-a"]),
        ('blueprint:"ops', ['blueprint:"ops/デプロイ %"']),
        ("source:", ["source:api"]),
        ("touches:/agents/", ["touches:/agents/writer"]),
        ("-touches:/", ["-touches:/agents", "-touches:/agents/writer"]),
        ("x" * 2_000, []),
    ],
)
def test_the_filter_box_is_completed(q: str, expected: list[str]) -> None:
    assert options(q) == expected


def test_the_filter_box_refers_to_its_completions() -> None:
    page = read(Client().get("/rejections/"))
    assert page.all("input", name="q", list="completions")
    assert page.all("datalist", id="completions")
