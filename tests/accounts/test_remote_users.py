"""Users whom a trusted proxy names: readers at first, never in place of a user with a password, gone with the name."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.accounts import api_tokens, events, remote_users
from enhancelog.models import AuditRecord, Session
from enhancelog.observing.first_seen import FirstSeen
from tests.logged import captured
from tests.pages import read

pytestmark = pytest.mark.django_db

PROXY = "192.0.2.1"
PASSWORD = "correct horse battery"
SIGN_IN = "/account/sign-in"


@pytest.fixture(autouse=True)
def behind_a_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network(PROXY)]
    settings.REMOTE_USER_HEADER = "HTTP_REMOTE_USER"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, remote_users.BACKEND]


def proxied(name: str = "olga", **more: Any) -> Client:
    """A browser whose every request passes the proxy."""
    headers = {"remote-user": name} if name else {}
    return Client(REMOTE_ADDR=PROXY, headers=headers, **more)


def rename(client: Client, name: str) -> None:
    client.defaults["HTTP_REMOTE_USER"] = name


def signed_in_as(client: Client, path: str = "/rejections/") -> str:
    user = client.get(path).wsgi_request.user
    return user.get_username() if user.is_authenticated else ""


def test_somebody_new_becomes_a_reader_without_a_password() -> None:
    client = proxied()
    assert client.get("/rejections/").status_code == 200
    olga = User.objects.get()
    assert (olga.username, olga.is_staff, olga.is_superuser, olga.has_usable_password()) == (
        "olga",
        False,
        False,
        False,
    )
    assert client.get("/rejections/").status_code == 200
    assert Session.objects.get().user == olga
    made = AuditRecord.objects.get(act="user.make")
    assert (made.actor_kind, made.actor_name, made.about_id) == ("server", "sign-in", "olga")
    assert "You have no password here" in read(client.get("/account/password")).words


def test_the_header_of_anybody_else_counts_for_nothing() -> None:
    stranger = Client(REMOTE_ADDR="192.0.2.2", headers={"remote-user": "olga"})
    assert stranger.get("/rejections/").status_code == 302
    assert stranger.get("/v1/enhance/log", headers={"remote-user": "olga"}).status_code == 401
    assert not User.objects.exists()


def test_it_counts_for_nothing_unless_the_setting_names_it(settings: Any) -> None:
    settings.REMOTE_USER_HEADER = ""
    assert proxied().get("/rejections/").status_code == 302
    assert not User.objects.exists()


def test_a_session_ends_when_the_header_is_gone() -> None:
    client = proxied()
    assert signed_in_as(client) == "olga"
    assert (
        Client(REMOTE_ADDR="192.0.2.2", HTTP_COOKIE=client.cookies.output(header="", sep=";")).get("/").status_code
        == 302
    )
    assert signed_in_as(client) == "olga"
    rename(client, "")
    assert client.get("/rejections/").status_code == 302
    assert not Session.objects.exists()


def test_a_session_ends_when_the_header_names_somebody_else() -> None:
    client = proxied()
    assert signed_in_as(client) == "olga"
    rename(client, "bob")
    assert signed_in_as(client) == "bob"
    assert [session.user.username for session in Session.objects.all() if session.user] == ["bob"]


@pytest.mark.parametrize("is_staff", [False, True])
def test_a_user_with_a_password_is_not_taken_over(is_staff: bool) -> None:
    User.objects.create_user("admin", password=PASSWORD, is_staff=is_staff)
    client = proxied("admin")
    for path in ("/rejections/", "/admin/"):
        refused = client.get(path)
        assert refused.status_code == 403
        assert "this user has a password here" in read(refused).words
    assert client.post("/account/views", {"name": "x", "url": "/"}).status_code == 403
    assert client.get("/v1/enhance/log").status_code == 403
    assert not Session.objects.exists()


def test_an_administrator_lets_the_proxy_by_disabling_the_password() -> None:
    admin = User.objects.create_user("admin", password=PASSWORD, is_staff=True)
    admin.set_unusable_password()
    admin.save()
    client = proxied("admin")
    assert signed_in_as(client) == "admin"
    assert client.get("/admin/").status_code == 200


def test_a_password_still_signs_in_and_ends_when_the_proxy_names_another() -> None:
    User.objects.create_user("admin", password=PASSWORD, is_staff=True)
    client = proxied("olga")
    assert signed_in_as(client) == "olga"
    client.post("/account/sign-out")
    assert client.get(SIGN_IN).status_code == 200
    assert client.post(SIGN_IN, {"username": "admin", "password": PASSWORD}).status_code == 302
    assert signed_in_as(client) == "admin"
    rename(client, "bob")
    assert signed_in_as(client) == "bob"


def test_signing_out_says_that_the_proxy_signs_in_again() -> None:
    client = proxied()
    client.get("/rejections/")
    page = read(client.post("/account/sign-out"))
    assert "The proxy in front of this server signs you in as olga" in page.words
    assert not Session.objects.exists()


def test_the_admin_says_so_too() -> None:
    client = proxied()
    client.get("/rejections/")
    User.objects.update(is_staff=True)
    assert "The proxy in front of this server signs you in as olga" in read(client.post("/admin/logout/")).words
    assert not Session.objects.exists()


def test_without_passwords_the_pages_lead_to_the_proxy(settings: Any) -> None:
    client = proxied()
    client.get("/rejections/")
    assert read(client.post("/account/sign-out")).addresses("Sign in with a password") == [SIGN_IN]
    settings.LOCAL_SIGN_IN = False
    client.get("/rejections/")
    assert not read(client.post("/account/sign-out")).addresses("Sign in with a password")
    page = read(client.get(SIGN_IN))
    assert "The proxy in front of this server signs you in." in page.words
    assert page.addresses("Go to the overview") == ["/"]
    assert read(client.get(f"{SIGN_IN}?next=/matrix/")).addresses("Go on") == ["/matrix/"]
    assert not page.all("input", type="password")


@pytest.mark.parametrize("local_sign_in", [True, False])
def test_an_unsent_form_goes_on_when_the_proxy_names_the_user(local_sign_in: bool, settings: Any) -> None:
    settings.LOCAL_SIGN_IN = local_sign_in
    client = proxied("")
    page = read(client.post("/account/views", {"name": "typed for long", "url": "/rejections/"}))
    assert "The proxy in front of this server signs you in." in page.words
    (button,) = [each for each in page.all("button") if each.words == "I have signed in"]
    kept = {"sent_to": "/account/views", "unsent.name": "typed for long", button.attributes["name"]: "1"}
    assert "You are not signed in yet." in read(client.post("/account/resume", kept)).words
    rename(client, "olga")
    again = client.post("/account/resume", kept)
    assert again.status_code == 200
    assert "You are signed in as olga" in read(again).words
    assert "typed for long" in again.content.decode()


def test_a_password_beside_an_unsent_form_counts_more_than_the_header() -> None:
    User.objects.create_user("admin", password=PASSWORD)
    kept = {"sent_to": "/account/views", "unsent.name": "x", "username": "admin", "password": PASSWORD}
    assert "You are signed in as admin" in read(proxied().post("/account/resume", kept)).words


def test_an_inactive_user_is_refused_in_words() -> None:
    client = proxied()
    client.get("/rejections/")
    User.objects.update(is_active=False)
    refused = client.get("/rejections/")
    assert refused.status_code == 403
    assert 'Your account "olga" is inactive' in read(refused).words


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("olga,admin", "one name, without a comma"),
        ("ol\u0430ga", "look-alike"),  # a Cyrillic letter
        ("olga\u200b", "invisible"),
        ("olga smith", "letters, digits and @.+-_ only"),
        ("<b>olga</b>", "letters, digits and @.+-_ only"),
        ("\uff4flga", "another spelling"),
        ("x" * 151, "more than 150 characters"),
        ("OLGA", "differs only in case"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_in_words(sent: str, why: str) -> None:
    User.objects.create_user("olga")
    refused = proxied(sent.encode().decode("latin-1")).get("/rejections/")
    assert refused.status_code == 403
    assert why in read(refused).words
    assert User.objects.count() == 1


def test_a_name_is_utf_8() -> None:
    assert proxied("\xff").get("/rejections/").status_code == 403
    assert signed_in_as(proxied("zoé".encode().decode("latin-1"))) == "zoé"


def test_a_form_needs_its_token() -> None:
    client = proxied(enforce_csrf_checks=True)
    assert client.get("/account/views").status_code == 200
    form = {"name": "noop", "url": "/rejections/?axis=noop"}
    assert client.post("/account/views", form).status_code == 403
    token = read(client.get("/account/views")).all("input", name="csrfmiddlewaretoken")[0].attributes["value"]
    assert client.post("/account/views", form | {"csrfmiddlewaretoken": token}).status_code == 302


def test_a_form_is_kept_when_its_session_ended() -> None:
    client = proxied(enforce_csrf_checks=True)
    client.get("/account/views")
    token = read(client.get("/account/views")).all("input", name="csrfmiddlewaretoken")[0].attributes["value"]
    Session.objects.all().delete()
    form = {"name": "noop", "url": "/rejections/?axis=noop", "csrfmiddlewaretoken": token}
    assert client.post("/account/views", form).status_code == 302


def test_programs_read_without_a_session_and_write_with_a_token_only() -> None:
    program = proxied()
    for _ in range(3):
        assert program.get("/v1/enhance/log").status_code == 200
    assert not Session.objects.exists()
    assert proxied(enforce_csrf_checks=True).post("/v1/enhance/log", "{}", "application/json").status_code == 403


def test_who_is_known_is_read_without_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    program = proxied()
    program.get("/v1/enhance/log")
    began: list[Any] = []
    atomic = transaction.atomic

    def noted(*given: Any, **more: Any) -> Any:
        began.append(given)
        return atomic(*given, **more)

    monkeypatch.setattr(transaction, "atomic", noted)
    with CaptureQueriesContext(connection) as asked:
        remote_users.RemoteUsers().authenticate(HttpRequest(), "olga")
    assert [query["sql"].split()[0] for query in asked] == ["SELECT", "SELECT"]  # no BEGIN, no SAVEPOINT
    assert not began
    remote_users.RemoteUsers().authenticate(HttpRequest(), "bob")
    assert began


def test_a_token_decides_and_the_header_is_ignored() -> None:
    ci = User.objects.create_user("ci")
    _, secret = api_tokens.make(api_tokens.Wanted("ci", ["log:read"]), ci, made_by="tests")
    authorization = {"authorization": f"Bearer {secret}"}
    assert proxied("olga").get("/v1/enhance/log", headers=authorization).status_code == 200
    assert not User.objects.filter(username="olga").exists()
    client = proxied()
    assert signed_in_as(client) == "olga"
    rename(client, "")
    assert client.get("/rejections/", headers=authorization).status_code == 302  # a token opens no page


@pytest.mark.parametrize("path", ["/health/live", "/robots.txt", "/favicon.ico", "/v1/openapi.json", "/v1/enhance/log"])
def test_what_a_proxy_lets_pass_without_a_user_ends_no_session(path: str) -> None:
    client = proxied()
    assert signed_in_as(client) == "olga"
    client.get(path, headers={"remote-user": ""})
    assert signed_in_as(client) == "olga"
    assert Session.objects.count() == 1


def test_a_page_costs_no_more_statements_than_with_a_password() -> None:
    by_proxy, by_password = proxied(), Client()
    by_proxy.get("/account/views")
    by_password.force_login(User.objects.create_user("ada"))
    counts = []
    for client in (by_proxy, by_password):
        with CaptureQueriesContext(connection) as asked:
            client.get("/account/views")
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.once
def test_a_refused_name_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_refused_by_header", FirstSeen())
    User.objects.create_user("olga", password=PASSWORD)
    with captured() as log:
        for name in ("olga", "olga", "ol ga"):
            assert proxied(name).get("/rejections/").status_code == 403
    said = [(line["event"], line["level"], line["address"]) for line in log.security]
    assert said == [("sign-in refused", "warning", PROXY)] * 2
    assert [name in line["reason"] for name, line in zip(("olga", "ol ga"), log.security, strict=True)] == [True, True]
