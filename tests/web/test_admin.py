"""The admin shows entries, whatever they hold, and changes none; it never counts or sorts all of them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import admin
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry, make_rejected
from tests.pages import Page, read
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

LIST = "/admin/enhancelog/entry/"


@pytest.fixture(autouse=True)
def log(db: None) -> None:
    api = DatabaseEnhanceLogStore(Origin("command", "tests", "api"))
    host = DatabaseEnhanceLogStore(Origin("command", "tests", "host"))
    api.append(make_entry(issue_id="h-1", ts_ms=NOW_MS))
    api.append(make_rejected(issue_id="h-2", blueprint_id="", ts_ms=NOW_MS - 1))
    host.append(make_rejected(issue_id="a/b % ?#日本", blueprint_id="x/y %", ts_ms=-(2**63)))
    host.append(make_entry(issue_id="h-1-more", ts_ms=2**63 - 1, ops=[{"op": "remove", "path": "/日本"}], verdicts=[]))


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def listed(boss: Client, **parameters: str) -> list[str]:
    response = boss.get(LIST, parameters)
    assert response.status_code == 200
    return [cell.words for cell in read(response).all("th", class_="field-issue_id")]


def test_axes_are_those_of_verdicts_alone(boss: Client) -> None:
    sections = [each.words for each in read(boss.get("/admin/")).all("caption")]
    assert "Sign-in attempts" in sections
    assert "Axes" not in sections


def test_the_newest_come_first(boss: Client) -> None:
    assert listed(boss) == ["h-1-more", "h-1", "h-2", "a/b % ?#日本"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"status": "rejected"}, ["h-2", "a/b % ?#日本"]),
        ({"blueprint_id": ""}, ["h-2"]),
        ({"blueprint_id": "x/y %"}, ["a/b % ?#日本"]),
        ({"source": "host"}, ["h-1-more", "a/b % ?#日本"]),
        ({"source": "host", "status": "applied"}, ["h-1-more"]),
        ({"q": "h-1"}, ["h-1-more", "h-1"]),
        ({"q": "a/b % ?#日本"}, ["a/b % ?#日本"]),
        ({"q": "x/y %"}, ["a/b % ?#日本"]),
        ({"q": "h_1"}, []),
        ({"status": "a\x00b"}, []),
        ({"q": "x" * 600}, []),
    ],
)
def test_filters_and_search_find_by_index(boss: Client, parameters: dict[str, str], found: list[str]) -> None:
    assert listed(boss, **parameters) == found


def test_a_search_that_no_database_could_take_is_no_error(boss: Client) -> None:
    assert boss.get(LIST, {"q": "a\x00b"}).status_code == 200


@pytest.mark.parametrize("position", [1, 2, 3, 4])
def test_every_entry_has_a_page_that_changes_nothing(boss: Client, position: int) -> None:
    response = boss.get(f"{LIST}{position}/change/")
    assert response.status_code == 200
    page = read(response)
    assert not [each for each in page.all("input") if each.attributes.get("name") == "_save"]
    entry = Entry.objects.get(position=position)
    assert entry.issue_id in page.words
    assert str(entry.ts_ms) in page.words


def test_ops_are_shown_where_they_were_recorded(boss: Client) -> None:
    assert '"path": "/日本"' in read(boss.get(f"{LIST}4/change/")).words
    assert "not recorded" in read(boss.get(f"{LIST}1/change/")).words


@pytest.mark.parametrize("path", ["add/", "1/delete/"])
def test_nobody_adds_or_deletes(boss: Client, path: str) -> None:
    assert boss.get(LIST + path).status_code == 403
    assert boss.post(LIST + path, {"post": "yes"}).status_code == 403


def test_nobody_changes(boss: Client) -> None:
    before = Entry.objects.values().get(position=1)
    assert boss.post(f"{LIST}1/change/", {"intent": "another"}).status_code == 403
    assert Entry.objects.values().get(position=1) == before


def test_there_is_no_action_on_many(boss: Client) -> None:
    page: Page = read(boss.get(LIST))
    assert not page.all("select", name="action")
    boss.post(LIST, {"action": "delete_selected", "_selected_action": ["1"], "post": "yes"})
    assert Entry.objects.count() == 4


@pytest.mark.parametrize("position", ["99999999999999999999", "-1", "x", "0"])
def test_a_position_that_is_none_leads_back(boss: Client, position: str) -> None:
    assert boss.get(f"{LIST}{position}/change/").status_code == 302


def test_it_counts_up_to_a_limit(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "COUNTED", 2)
    assert "2 entries" in read(boss.get(LIST)).words


def test_only_entries_tokens_saved_views_and_accounts_are_there(boss: Client) -> None:
    links = {link.attributes.get("href", "") for link in read(boss.get("/admin/")).all("a")}
    assert {LIST, "/admin/auth/user/", "/admin/auth/group/"} <= links
    tokens = "/admin/enhancelog/token/"
    ours = {"/admin/enhancelog/", LIST, tokens, f"{tokens}add/", "/admin/enhancelog/savedview/"}
    assert not [link for link in links if link.startswith("/admin/enhancelog/") and link not in ours]


def test_the_site_is_one_click_away_whatever_the_id(boss: Client) -> None:
    page = read(boss.get(f"{LIST}3/change/"))
    (link,) = page.all("a", class_="viewsitelink")
    assert boss.get(link.attributes["href"]).status_code == 200


def test_users_are_kept_as_django_keeps_them(boss: Client) -> None:
    fields: dict[str, Any] = {"username": "new", "usable_password": "true"}
    fields |= {"password1": "long enough for it", "password2": "long enough for it"}
    assert boss.post("/admin/auth/user/add/", fields).status_code == 302
    assert User.objects.filter(username="new").exists()


@pytest.mark.parametrize("path", ["/admin/", "/admin/password_change/", "/admin/password_change/done/"])
def test_no_page_of_the_admin_is_stored(client: Client, path: str) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    response = client.get(path)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]
