"""Sign-in elsewhere beside or instead of passwords: settings, the admin, unsent forms, and signing out."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from enhancelog.accounts import oidc_requests
from enhancelog.maintenance import checks, prepare
from enhancelog.settings import sign_in as sign_in_settings
from tests.accounts import oidc_providers
from tests.accounts.oidc_providers import Running, come_back, consent, sign_in, words
from tests.alerts.certificates import make_certificate
from tests.pages import read

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def local(db: None) -> User:
    return User.objects.create_user("local", password=PASSWORD, is_staff=True)


def without(name: str) -> Any:
    def change(response: Any) -> Any:
        told = response.get_json()
        del told[name]
        response.set_data(json.dumps(told))
        return response

    return change


# Signing out


def test_signing_out_signs_out_at_the_provider_too(client: Client, provider: Running, settings: Any) -> None:
    sign_in(client, "ada@example.org")
    settings.HTTPS = True
    answer = client.post("/account/sign-out")
    assert "_auth_user_id" not in client.session
    assert answer["Clear-Site-Data"] == '"cache"'
    address = answer["Refresh"].removeprefix("0; url=")
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{provider.url}/oauth2/end_session?")
    assert asked["post_logout_redirect_uri"] == ["http://testserver/account/sign-in"]
    assert asked["client_id"] == [oidc_providers.CLIENT_ID]
    assert asked["id_token_hint"][0].count(".") == 2


@pytest.mark.parametrize("admin", [False, True])
def test_who_signed_in_here_signs_out_here(admin: bool, client: Client, local: User) -> None:
    client.force_login(local)
    answer = client.post("/admin/logout/" if admin else "/account/sign-out")
    assert (answer.status_code, answer["Location"]) == (302, "/account/sign-in")


def test_the_admin_signs_out_at_the_provider_too(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="ada", groups=["log-staff"])
    sign_in(client, "u1")
    assert client.post("/admin/logout/")["Refresh"].startswith(f"0; url={provider.url}/oauth2/end_session?")


def test_a_provider_without_sign_out_or_out_of_reach(client: Client, provider: Running, settings: Any) -> None:
    provider.changed[DISCOVERY] = without("end_session_endpoint")
    sign_in(client, "ada@example.org")
    answer = client.post("/account/sign-out", follow=True)
    assert "You may still be signed in at" in words(answer)
    assert "_auth_user_id" not in client.session
    sign_in(client, "ada@example.org")
    oidc_requests.forget()
    provider.changed[DISCOVERY] = lambda response: response.__class__("", 500)
    answer = client.post("/account/sign-out", follow=True)
    assert "You may still be signed in at" in words(answer)
    assert "_auth_user_id" not in client.session


def test_a_session_from_another_provider_signs_out_here_only(client: Client, provider: Running, settings: Any) -> None:
    sign_in(client, "ada@example.org")
    settings.OIDC = provider.settings(issuer="https://id.example.org")
    assert client.post("/account/sign-out")["Location"] == "/account/sign-in"


def test_an_id_token_too_long_to_keep_is_not_sent(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="ada", groups=[f"group {number}" for number in range(1000)])
    sign_in(client, "u1")
    asked = parse_qs(urlsplit(client.post("/account/sign-out")["Refresh"]).query)
    assert "id_token_hint" not in asked
    assert len(str(asked)) < 4_000


# Passwords


def test_passwords_stay_beside_it(client: Client, local: User) -> None:
    assert client.post("/account/sign-in", {"username": "local", "password": PASSWORD}).status_code == 302


def test_without_local_sign_in_no_password_is_taken(client: Client, local: User, settings: Any) -> None:
    settings.LOCAL_SIGN_IN = False
    page = read(client.get("/account/sign-in"))
    assert not page.all("input", type="password")
    answer = client.post("/account/sign-in", {"username": "local", "password": PASSWORD})
    assert answer.status_code == 403
    assert "switched off" in words(answer)
    refused = client.post("/account/resume", {"username": "local", "password": PASSWORD, "sent_to": "/markers/new"})
    assert refused.status_code == 401
    assert not read(refused).all("input", type="password")
    assert client.post("/admin/login/", {"username": "local", "password": PASSWORD}).status_code == 302
    assert "_auth_user_id" not in client.session


def test_the_admin_asks_on_the_page_of_ours(client: Client, provider: Running, settings: Any) -> None:
    asked = client.get("/admin/auth/user/", follow=True)
    assert asked.redirect_chain[-1][0] == "/account/sign-in?next=/admin/auth/user/"
    sign_in(client, "ada@example.org")
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "Only staff" in words(answer)
    settings.OIDC = None
    client.logout()
    assert read(client.get("/admin/login/")).all("input", type="password")


def test_no_first_administrator_without_passwords(settings: Any) -> None:
    settings.LOCAL_SIGN_IN = False
    assert prepare.create_admin() is None
    assert not User.objects.exists()


def test_who_signs_in_elsewhere_has_no_password_to_change(client: Client, provider: Running) -> None:
    sign_in(client, "ada@example.org")
    answer = client.get("/account/password")
    assert "change your password there" in words(answer)
    assert not read(answer).all("input", type="password")
    sent = {"old_password": "", "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert client.post("/account/password", sent).status_code == 200
    assert not User.objects.get(username="ada").has_usable_password()


# A form that was sent without a session


def test_an_unsent_form_waits_in_its_tab(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="ada", groups=["log-staff"])
    refused = client.post("/markers/new", {"title": "prompt v12", "note": "typed for an hour"})
    page = read(refused)
    assert refused.status_code == 401
    (form,) = page.all("form", id="elsewhere")
    assert (form.attributes["action"], form.attributes["target"]) == ("/account/oidc/start", "_blank")
    (after,) = [each for each in form.inside if each.attributes.get("name") == "next"]
    kept = {"sent_to": "/markers/new", "back": "/", "unsent.title": "prompt v12", "unsent.note": "typed for an hour"}
    early = client.post("/account/resume", {**kept, "go_on": "1"})
    assert early.status_code == 401
    assert "You are not signed in yet." in words(early)
    answer = sign_in(client, "u1", after.attributes["value"])
    assert "I have signed in" in words(client.get(answer["Location"]))
    again = client.post("/account/resume", {**kept, "go_on": "1"})
    assert again.status_code == 200
    assert "typed for an hour" in again.content.decode()


def test_enter_in_the_password_field_signs_in(client: Client, local: User) -> None:
    kept = {"sent_to": "/markers/new", "back": "/", "unsent.title": "prompt v12"}
    answer = client.post("/account/resume", {**kept, "go_on": "1", "username": "local", "password": PASSWORD})
    assert (answer.status_code, "Send it again" in words(answer)) == (200, True)


def test_its_token_is_older_than_the_sign_in(provider: Running) -> None:
    client = Client(enforce_csrf_checks=True)
    page = read(client.get("/account/sign-in"))
    token = page.all("input", name="csrfmiddlewaretoken")[0].attributes["value"]
    begun = client.post("/account/oidc/start", {"csrfmiddlewaretoken": token})
    come_back(client, consent(begun["Refresh"].removeprefix("0; url="), "ada@example.org"))
    kept = {"csrfmiddlewaretoken": token, "sent_to": "/markers/new", "unsent.title": "prompt v12", "go_on": "1"}
    again = client.post("/account/resume", kept, headers={"origin": "http://testserver"})
    assert (again.status_code, "Send it again" in words(again)) == (200, True)
    foreign = client.post("/account/resume", kept, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert b"prompt v12" not in foreign.content


def test_without_a_provider_there_is_no_way_there(client: Client, settings: Any) -> None:
    settings.OIDC = None
    answer = client.post("/account/oidc/start")
    assert answer.status_code == 404
    assert "This server has no sign-in provider (ENHANCELOG_OIDC_ISSUER)." in words(answer)


def test_the_page_after_it_is_for_who_has_signed_in(client: Client) -> None:
    assert client.get("/account/oidc/done").status_code == 302


# Settings

ISSUER = {"ENHANCELOG_OIDC_ISSUER": "https://id.example.org"}
CLIENT = {"ENHANCELOG_OIDC_CLIENT_ID": "log", "ENHANCELOG_OIDC_CLIENT_SECRET": "secret"}


@pytest.mark.once
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (CLIENT, "ENHANCELOG_OIDC_CLIENT_ID: has no effect without ENHANCELOG_OIDC_ISSUER"),
        ({"ENHANCELOG_OIDC_STAFF_GROUPS": "x"}, "ENHANCELOG_OIDC_STAFF_GROUPS: has no effect"),
        (ISSUER, "ENHANCELOG_OIDC_CLIENT_ID: is needed"),
        ({**ISSUER, "ENHANCELOG_OIDC_CLIENT_ID": "log"}, "ENHANCELOG_OIDC_CLIENT_SECRET: is needed"),
        ({**ISSUER, **CLIENT, "ENHANCELOG_OIDC_SCOPES": "email"}, "ENHANCELOG_OIDC_SCOPES: must contain openid"),
        *(
            ({**CLIENT, "ENHANCELOG_OIDC_ISSUER": issuer}, "ENHANCELOG_OIDC_ISSUER: ")
            for issuer in (
                *("id.example.org", "ftp://id.example.org", "https://", "https://[", "https://a:b@id.example.org"),
                *("http://id.example.org", "https://id.example.org/?x=1", "https://id.example.org/#x"),
                *("https://id.example.org/.well-known/openid-configuration", f"https://id.example.org/{'x' * 200}"),
                *("https://id.example.org:99999", "https://id.exa mple.org", "https://id.exämple.org"),
            )
        ),
    ],
)
def test_settings_that_cannot_be(given: dict[str, str], said: str, monkeypatch: Any) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        sign_in_settings.oidc_provider()
    assert str(refusal.value).startswith(said)
    assert "\n" not in str(refusal.value)


@pytest.mark.once
def test_settings_that_can(monkeypatch: Any, tmp_path: Any) -> None:
    assert sign_in_settings.oidc_provider() is None
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    given = {
        "ENHANCELOG_OIDC_ISSUER": "http://127.0.0.1:8080/realms/log/",
        "ENHANCELOG_OIDC_CLIENT_ID": "log",
        "ENHANCELOG_OIDC_CLIENT_SECRET_FILE": str(secret),
        "ENHANCELOG_OIDC_STAFF_GROUPS": 'staff\r\n "CN=Log Staff,OU=Groups" ,',
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = sign_in_settings.oidc_provider()
    assert found is not None
    assert (found.issuer, found.client_secret, found.groups_claim) == (
        given["ENHANCELOG_OIDC_ISSUER"],
        "from a file",
        "groups",
    )
    assert found.staff_groups == {"staff", "CN=Log Staff,OU=Groups"}
    assert found.discovery_url == "http://127.0.0.1:8080/realms/log/.well-known/openid-configuration"


@pytest.mark.once
def test_passwords_are_switched_off_only_if_there_is_another_way(monkeypatch: Any, provider: Running) -> None:
    assert sign_in_settings.local(None)
    monkeypatch.setenv("ENHANCELOG_LOCAL_SIGN_IN", "false")
    with pytest.raises(ImproperlyConfigured, match="ENHANCELOG_LOCAL_SIGN_IN: false leaves nobody a way to sign in"):
        sign_in_settings.local(None)
    assert not sign_in_settings.local(provider.settings())
    monkeypatch.setenv("ENHANCELOG_REMOTE_USER_HEADER", "Remote-User")
    assert not sign_in_settings.local(None)
    with pytest.raises(ImproperlyConfigured, match="cannot be used together with ENHANCELOG_OIDC_ISSUER"):
        sign_in_settings.local(provider.settings())


@pytest.mark.once
def test_certificates_are_checked_with_the_systems_authorities(monkeypatch: Any, tmp_path: Path, settings: Any) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    with oidc_providers.running(certificate) as server:
        settings.OIDC = server.settings()
        (message,) = checks.oidc_provider_answers()
        assert "is not trusted" in message.msg
        oidc_requests.forget()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert checks.oidc_provider_answers() == []


@pytest.mark.once
def test_check_asks_the_provider(provider: Running, settings: Any) -> None:
    assert checks.oidc_provider_answers() == []
    settings.OIDC = provider.settings(issuer=f"{provider.url}/")
    (message,) = checks.oidc_provider_answers()
    assert f'names the issuer "{provider.url}"; ENHANCELOG_OIDC_ISSUER must be exactly that' in message.msg
    settings.OIDC = provider.settings(issuer="http://127.0.0.1:9")
    assert "cannot connect to 127.0.0.1:9" in checks.oidc_provider_answers()[0].msg
    settings.OIDC = None
    assert checks.oidc_provider_answers() == []
