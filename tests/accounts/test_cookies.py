"""Cookies are named after the server they belong to: browsers send them to every port of a host."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts.cookies import cookie_name
from enhancelog.domain.public_addresses import parse
from tests.pages import read

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://127.0.0.1:8000", "enhancelog-session-8000"),
        ("http://[::1]:8001", "enhancelog-session-8001"),
        ("http://log.example.org", "enhancelog-session-80"),
        ("https://log.example.org", "__Host-enhancelog-session-443"),
        ("https://log.example.org:8443/", "__Host-enhancelog-session-8443"),
        ("https://example.org/log", "__Secure-enhancelog-session-443-log"),
        ("http://example.org/a/b", "enhancelog-session-80-a-b"),
    ],
)
def test_the_name_tells_the_server(address: str, name: str) -> None:
    assert cookie_name("session", parse(address)) == name


@pytest.mark.django_db
def test_every_cookie_has_a_name_of_ours(client: Client) -> None:
    User.objects.create_user("ada", password=PASSWORD, is_staff=True)
    client.get("/account/sign-in")
    client.post("/account/sign-in", {"username": "ada", "password": PASSWORD})
    client.post("/account/theme", {"theme": "dark"})
    client.post("/account/views", {"name": "noop", "url": "/rejections/?axis=noop"})  # leaves a message
    names = {"session", "csrf", "theme", "messages", "reader"}
    assert set(client.cookies) == {f"enhancelog-{name}-8000" for name in names}
    assert "List saved as noop." in read(client.get("/account/views")).words


@pytest.mark.django_db
def test_cookies_of_a_neighbour_count_for_nothing(client: Client) -> None:
    client.force_login(User.objects.create_user("ada"))
    neighbour = Client()
    neighbour.cookies["enhancelog-session-8001"] = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert neighbour.get("/account/tokens").status_code == 302
    client.cookies["sessionid"] = client.cookies["enhancelog-session-8001"] = "x"
    assert client.get("/account/tokens").status_code == 200


@pytest.mark.django_db
def test_cookies_that_a_prefix_protects_are_what_browsers_demand(client: Client, settings: Any) -> None:
    """Secure, for the whole site and without a domain; else browsers drop them, also when they are deleted."""
    settings.HTTPS = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    for purpose in ("SESSION", "CSRF", "THEME", "READER"):
        setattr(settings, f"{purpose}_COOKIE_NAME", cookie_name(purpose.lower(), parse("https://log.example.org")))
    User.objects.create_user("ada", password=PASSWORD)
    answers = [
        client.get("/account/sign-in", secure=True),
        client.post("/account/sign-in", {"username": "ada", "password": PASSWORD}, secure=True),
        client.post("/account/theme", {"theme": "dark"}, secure=True),
        client.post("/account/theme", {"theme": "system"}, secure=True),
        client.post("/account/sign-out", secure=True),
    ]
    cookies = [cookie for answer in answers for cookie in answer.cookies.values()]
    assert {cookie.key for cookie in cookies} == {
        f"__Host-enhancelog-{name}-443" for name in ("session", "csrf", "theme", "reader")
    }
    for cookie in cookies:
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", ""), cookie
