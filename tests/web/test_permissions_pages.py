"""Who may see which page, with public read on and off."""

from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.domain.origin import Origin
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_entry

pytestmark = [pytest.mark.django_db, pytest.mark.once]

READING = (
    "/",
    "/blueprints/",
    "/blueprints/main",
    "/matrix/",
    "/axes/",
    "/themes/des",
    "/funnel/",
    "/steadiness/",
    "/markers/",
    "/notes/?about=entry:h-1",
    "/triage/reviews/",
    "/triage/",
    "/differences/",
    "/rejections/",
    "/search/",
    "/entries/h-1",
    "/content/",
    "/palette/",
    "/documents/",
    "/fields/",
    "/unfinished/",
    "/sources/",
    "/evidence/",
)
OWN = (
    "/account/password",
    "/account/addresses",
    "/account/mentions",
    "/account/oidc/done",
    "/account/sessions",
    "/alerts/",
    "/alerts/new",
    "/alerts/deliveries/",
)
ADMIN = ("/admin/", "/admin/enhancelog/entry/")
# The last: superusers.
STAFF = ("/audit/", "/redactions/entries/h-1", "/sources/rename/api", "/admin/status/")
ANYBODY = ("/account/sign-in", "/robots.txt", "/favicon.ico", "/health/live")

SIGN_IN = "/account/sign-in?next="


@pytest.fixture(autouse=True)
def one_entry(db: None) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append(make_entry())


def somebody(name: str) -> Client:
    client = Client()
    if name != "anonymous":
        client.force_login(User.objects.create_user(name, is_staff=name == "staff", is_superuser=name == "staff"))
    return client


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("public_read", [True, False])
@pytest.mark.parametrize("who", ["anonymous", "user", "staff"])
def test_reading_takes_a_user_or_public_read(who: str, public_read: bool, path: str, settings: Any) -> None:
    settings.PUBLIC_READ = public_read
    response = somebody(who).get(path)
    if public_read or who != "anonymous":
        assert response.status_code == 200
    else:
        assert (response.status_code, response["Location"]) == (302, SIGN_IN + quote(path, safe="/"))


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize("public_read", [True, False])
def test_own_pages_take_a_user(path: str, public_read: bool, settings: Any) -> None:
    settings.PUBLIC_READ = public_read
    assert somebody("anonymous").get(path)["Location"] == SIGN_IN + path
    assert somebody("user").get(path).status_code == 200


@pytest.mark.parametrize("path", STAFF)
@pytest.mark.parametrize("public_read", [True, False])
def test_some_pages_take_staff(path: str, public_read: bool, settings: Any) -> None:
    settings.PUBLIC_READ = public_read
    assert somebody("anonymous").get(path)["Location"] == SIGN_IN + path
    assert somebody("user").get(path).status_code == 403
    assert somebody("staff").get(path).status_code == 200


@pytest.mark.parametrize("path", ADMIN)
@pytest.mark.parametrize("public_read", [True, False])
def test_the_admin_takes_staff(path: str, public_read: bool, settings: Any) -> None:
    settings.PUBLIC_READ = public_read
    assert somebody("anonymous").get(path).status_code == 302
    assert somebody("user").get(path).status_code == 302
    assert somebody("staff").get(path).status_code == 200


def test_staff_without_a_permission_see_no_entries_in_the_admin() -> None:
    client = Client()
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.get("/admin/enhancelog/entry/").status_code == 403


@pytest.mark.parametrize("path", ANYBODY)
def test_some_addresses_answer_anybody(path: str) -> None:
    response = Client().get(path)
    assert response.status_code in (200, 302)
    assert SIGN_IN not in response.get("Location", "")


@pytest.mark.parametrize("path", ["/", "/blueprints/"])
def test_pages_are_only_read(path: str) -> None:
    assert somebody("staff").post(path).status_code == 405
