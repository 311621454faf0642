"""What fails answers in the look of the app, or as a problem under /v1/; the 500 page needs nothing that can fail."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.test import Client

from enhancelog.api.exchange import KEY, Exchange, Refusal
from enhancelog.web import failures
from tests.pages import read

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def broken(*arguments: Any, **named: Any) -> Any:
    raise DatabaseError("secret detail")


def test_an_unknown_page_is_not_found(client: Client) -> None:
    response = client.get("/nothing here")
    assert response.status_code == 404
    assert "There is no page at this address." in read(response).words


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/enhance/nothing", "/health/nothing", "/metrics/nothing"])
def test_where_programs_call_a_failure_is_a_problem(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    body = response.json()
    assert (body["type"], body["title"], body["status"]) == ("about:blank", "Not Found", 404)
    assert body["detail"]


def test_a_missing_token_is_explained_and_nothing_is_changed(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/account/sign-in", {"username": "a", "password": "b"})
    assert response.status_code == 403
    assert "This form is out of date" in read(response).words


def test_not_allowed_names_the_missing_scope(rf: Any) -> None:
    request = rf.get("/content/")
    response = failures.forbidden(request, PermissionDenied("This needs the scope content:write."))
    assert response.status_code == 403
    assert "This needs the scope content:write." in read(response).words


def test_an_unknown_host_is_told_which_setting_names_the_right_one(client: Client) -> None:
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    words = read(response).words
    assert "ENHANCELOG_URL" in words
    assert "evil" not in words


@pytest.fixture
def failing(client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Every statement fails from here on."""
    settings.PUBLIC_READ = True
    client.raise_request_exception = False
    client.force_login(User.objects.create_user("reader"))
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", broken)
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.executemany", broken)
    return client


def test_without_a_database_a_page_says_so_and_gives_nothing_away(failing: Client) -> None:
    response = failing.get("/")
    assert response.status_code == 500
    page = read(response)
    assert "The server failed" in page.words
    assert page.all("link", rel="stylesheet")
    assert "secret" not in response.content.decode()
    assert "default-src 'self'" in response["Content-Security-Policy"]


def test_the_500_page_answers_even_without_its_template(rf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.web.failures.render_to_string", broken)
    response = failures.server_error(rf.get("/"))
    assert (response.status_code, response["Content-Type"]) == (500, "text/plain; charset=utf-8")


def test_a_500_under_v1_is_a_problem(rf: Any) -> None:
    response = failures.server_error(rf.get("/v1/enhance/log"))
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")


def test_a_lockout_under_v1_is_a_problem(rf: Any) -> None:
    response = failures.locked_out(rf.get("/v1/enhance/log"))
    assert (response.status_code, response["Content-Type"]) == (429, "application/problem+json")
    assert response["Retry-After"] == "900"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("/rejections?axis=noop", "/rejections/?axis=noop"), ("/admin", "/admin/"), ("/v1/docs", "/v1/docs/")],
)
def test_a_page_without_its_final_slash_redirects(client: Client, typed: str, meant: str) -> None:
    response = client.get(typed)
    assert (response.status_code, response["Location"]) == (302, meant)
    assert client.post(typed).status_code == 404


def test_an_address_too_long_to_redirect_to_is_unknown(client: Client) -> None:
    assert client.get("/rejections", {"text": "x" * 20_000}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/nothing", "/admins", "/entries/nobody", "/v1/enhance/log/", "/content/stories", "/v1"]
)
def test_other_addresses_are_still_unknown(client: Client, settings: Any, path: str) -> None:
    settings.PUBLIC_READ = True
    assert client.get(path).status_code == 404


def test_crawlers_are_kept_out(client: Client) -> None:
    response = client.get("/robots.txt")
    assert (response.status_code, response["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert response.content == b"User-agent: *\nDisallow: /\n"


def test_the_icon_is_where_browsers_look_for_it(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert response.status_code == 302
    assert response["Location"].startswith("/static/img/icon")


@pytest.mark.parametrize(("status", "retry_after_s"), [(413, None), (503, 5), (507, 10)])
@pytest.mark.parametrize("path", ["/account/sign-in", "/v1/enhance/log"])
def test_a_refusal_of_the_server_in_front_says_when_to_try_again(
    client: Client, path: str, status: int, retry_after_s: int | None
) -> None:
    refusal = Refusal(status, "Not now, for a reason.", retry_after_s)
    response = client.post(path, **{KEY: Exchange(refusal=refusal)})  # type: ignore[arg-type]
    assert response.status_code == status
    assert response.get("Retry-After") == (None if retry_after_s is None else str(retry_after_s))
    assert "Not now, for a reason." in response.content.decode()
