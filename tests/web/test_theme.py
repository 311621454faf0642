"""The colours: chosen without a script, kept in the browser, drawn by the server so that nothing flashes."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.pages import read

pytestmark = [pytest.mark.django_db, pytest.mark.once]

PATH = "/account/theme"


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def drawn(client: Client, path: str = "/search/") -> tuple[str | None, str]:
    """The page's theme, and the button that is pressed."""
    page = read(client.get(path))
    (pressed,) = page.all("button", name="theme", aria_pressed="true")
    return page.all("html")[0].attributes.get("data-theme"), pressed.attributes["value"]


def test_the_chosen_colours_are_kept_until_the_system_decides_again(client: Client) -> None:
    assert drawn(client) == (None, "system")
    for theme in ("dark", "light"):
        response = client.post(PATH, {"theme": theme, "next": "/search/?axis=noop"})
        assert (response.status_code, response["Location"]) == (302, "/search/?axis=noop")
        cookie = response.cookies[settings.THEME_COOKIE_NAME]
        assert (cookie["samesite"], cookie["httponly"], cookie["max-age"]) == ("Lax", True, 365 * 86_400)
        assert drawn(client) == (theme, theme)
        assert drawn(client, "/nothing") == (theme, theme)
    client.post(PATH, {"theme": "system"})
    assert drawn(client) == (None, "system")


def test_a_page_in_other_colours_is_another_page(client: Client) -> None:
    seen = client.get("/search/").get("ETag", '"none"')
    client.cookies[settings.THEME_COOKIE_NAME] = "dark"
    assert client.get("/search/", headers={"If-None-Match": seen}).status_code == 200


def test_a_cookie_that_is_none_of_ours_is_ignored(client: Client) -> None:
    client.cookies[settings.THEME_COOKIE_NAME] = '"><script>'
    assert drawn(client) == (None, "system")


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example", "/\\evil.example", "http://testserver/x", "x", ""]
)
def test_the_way_back_stays_here(next_: str, client: Client) -> None:
    assert client.post(PATH, {"theme": "dark", "next": next_})["Location"] == "/"


def test_other_colours_are_refused(client: Client) -> None:
    assert client.post(PATH, {"theme": "pink"}).status_code == 400
    assert client.get(PATH).status_code == 405
    assert Client(enforce_csrf_checks=True).post(PATH, {"theme": "dark"}).status_code == 403


def test_the_page_of_a_failure_keeps_the_colours(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(request: Any, place: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("enhancelog.web.list_requests.read", fails)
    client.raise_request_exception = False
    client.cookies[settings.THEME_COOKIE_NAME] = "dark"
    response = client.get("/search/")
    assert response.status_code == 500
    assert read(response).all("html")[0].attributes["data-theme"] == "dark"
