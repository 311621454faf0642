"""Sign-in at an OIDC provider: who comes in, with which rights, and what people read when it fails."""

import json
import time
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import temporary_passwords
from enhancelog.models import AuditRecord, Session
from tests.accounts import oidc_providers
from tests.accounts.oidc_providers import Running, begin, come_back, consent, sign_in, words
from tests.logged import captured
from tests.pages import read

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def me(client: Client) -> User | None:
    pk = client.session.get("_auth_user_id")
    return User.objects.get(pk=pk) if pk else None


# Who comes in


def test_a_first_sign_in_makes_a_reader(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="ada", email="ada@example.org", groups=["other"])
    page = read(client.get("/account/sign-in?next=/matrix/"))
    (button,) = [each for each in page.all("button") if each.words.startswith("Sign in with")]
    assert button.words == f"Sign in with {urlsplit(provider.url).netloc}"
    answer = sign_in(client, "u1", "/matrix/")
    assert (answer.status_code, answer["Location"]) == (302, "/matrix/")
    user = me(client)
    assert (user.username, user.email) == ("ada", "ada@example.org")
    assert not any((user.is_staff, user.is_superuser, user.has_usable_password()))
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid, account.user, account.extra_data) == (provider.url, "u1", user, {})
    assert not EmailAddress.objects.exists()
    assert not SocialToken.objects.exists()
    assert client.get("/").status_code == 200


def test_the_same_person_is_the_same_user_whatever_the_name_is_now(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="ada", email="ada@example.org")
    sign_in(client, "u1")
    first = me(client)
    provider.knows("u1", preferred_username="countess", email="new@example.org")
    other = Client()
    sign_in(other, "u1")
    assert me(other) == first
    first.refresh_from_db()
    assert (first.username, first.email) == ("ada", "new@example.org")


def test_a_name_or_an_address_never_opens_an_account_of_this_server(client: Client, provider: Running) -> None:
    admin = User.objects.create_superuser("admin", "root@example.org", PASSWORD)
    provider.knows("u1", preferred_username="Admin", email="root@example.org", email_verified=True)
    sign_in(client, "u1")
    user = me(client)
    assert user.username == "Admin-2"
    assert user != admin
    assert not any((user.is_staff, user.is_superuser))


def test_the_same_subject_at_another_issuer_is_somebody_else(client: Client, provider: Running, settings: Any) -> None:
    sign_in(client, "u1")
    with oidc_providers.running() as elsewhere:
        settings.OIDC = elsewhere.settings()
        other = Client()
        sign_in(other, "u1")
        assert me(other) != me(client)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "ada lovelace <x>"}, "ada-lovelace-x"),
        ({"email": "ada@example.org"}, "ada"),
        ({"preferred_username": "<>", "email": "ada@example.org"}, "ada"),
        ({"preferred_username": "ada@example.org"}, "ada@example.org"),
        ({"preferred_username": "á" * 400}, "á" * 150),
        ({"preferred_username": "Ольга"}, "Ольга"),
        ({"preferred_username": "\u0430dmin", "email": "ada@example.org"}, "ada"),
        ({"preferred_username": 7, "email": ["x"], "groups": {"log-staff": True}}, None),
        ({"email": "no address"}, None),
        ({}, None),
    ],
)
def test_names(claims: dict[str, Any], name: str | None, client: Client, provider: Running) -> None:
    provider.knows("u1", **claims)
    answer = sign_in(client, "u1")
    if name is None:
        assert answer.status_code == 403
        assert "neither your user name nor your e-mail address" in words(answer)
        assert me(client) is None
    else:
        assert me(client).username == name


def test_a_name_that_looks_like_another(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="\u0430dmin")
    answer = sign_in(client, "u1")
    assert answer.status_code == 403
    assert "could be mistaken for another one" in words(answer)
    assert not User.objects.exists()


def test_two_people_of_one_name(provider: Running) -> None:
    for number in range(3):
        provider.knows(f"n{number}", preferred_username="ada" * 50)
        sign_in(Client(), f"n{number}")
    names = sorted(User.objects.values_list("username", flat=True))
    assert len(names) == 3
    assert max(map(len, names)) <= 150


# Groups


def test_groups_give_and_take_staff_at_every_sign_in(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="ada", groups=["log-staff"])
    sign_in(client, "u1")
    assert me(client).is_staff
    provider.knows("u1", preferred_username="ada", groups=[])
    sign_in(client, "u1")
    assert not me(client).is_staff
    records = AuditRecord.objects.filter(about_id="ada").order_by("position")
    told = [(each.actor_kind, each.actor_name, each.act, json.loads(each.detail)) for each in records]
    assert [each[:3] for each in told] == [
        ("server", "sign-in", "user.make"),
        ("server", "sign-in", "user.change"),
    ]
    assert told[0][3]["is_staff"] is True
    assert told[1][3] == {"changed": ["is_staff"], "is_staff": False}


def test_groups_leave_alone_what_an_administrator_gave(client: Client, provider: Running, settings: Any) -> None:
    local = User.objects.create_user("local", is_staff=True)
    provider.knows("u1", preferred_username="ada", groups=[])
    sign_in(client, "u1")
    User.objects.filter(username="ada").update(is_staff=True, is_superuser=True)
    sign_in(client, "u1")
    assert me(client).is_staff
    User.objects.filter(username="ada").update(is_superuser=False)
    settings.OIDC = provider.settings(staff_groups=[])
    sign_in(client, "u1")
    assert me(client).is_staff
    local.refresh_from_db()
    assert local.is_staff


@pytest.mark.parametrize(
    ("groups", "may"),
    [(["log-readers"], True), (["log-staff"], True), (["x"], False), ([], False), ("log-readers", True)],
)
def test_reader_groups_keep_others_out(
    groups: Any, may: bool, client: Client, provider: Running, settings: Any
) -> None:
    settings.OIDC = provider.settings(reader_groups=["log-readers"])
    provider.knows("u1", preferred_username="ada", groups=groups)
    with captured() as log:
        answer = sign_in(client, "u1")
    assert (me(client) is not None) == may
    assert User.objects.exists() == may
    if not may:
        assert answer.status_code == 403
        assert "ENHANCELOG_OIDC_READER_GROUPS" in words(answer)
        assert "log-readers" not in words(answer)
        (line,) = [each for each in log.security if each["event"] == "sign-in refused"]
        assert line["reason"] == f"in no group that may read; in {', '.join(groups) or 'none'}"


def test_who_has_left_all_groups_is_refused_and_no_longer_staff(provider: Running, settings: Any) -> None:
    settings.OIDC = provider.settings(reader_groups=["log-readers"])
    provider.knows("u1", preferred_username="ada", email="ada@example.org", groups=["log-staff"])
    sign_in(Client(), "u1")
    provider.knows("u1", preferred_username="ada", email="new@example.org", groups=[])
    client = Client()
    assert sign_in(client, "u1").status_code == 403
    assert me(client) is None
    user = User.objects.get()
    assert (user.is_staff, user.email) == (False, "ada@example.org")


def test_groups_may_be_in_another_claim(client: Client, provider: Running, settings: Any) -> None:
    provider.knows("u1", preferred_username="ada", realm_access={"roles": ["log-staff"]})
    settings.OIDC = provider.settings(groups_claim="realm_access.roles")
    sign_in(client, "u1")
    assert me(client).is_staff


def test_a_user_who_is_switched_off_stays_out(client: Client, provider: Running) -> None:
    provider.knows("u1", preferred_username="ada", email="ada@example.org")
    sign_in(Client(), "u1")
    User.objects.update(is_active=False)
    provider.knows("u1", preferred_username="ada", email="new@example.org")
    answer = sign_in(client, "u1")
    assert answer.status_code == 403
    assert User.objects.get().email == "ada@example.org"
    assert "switched off" in words(answer)
    assert me(client) is None


# The session


def test_the_session_and_its_key_are_new(client: Client, provider: Running, settings: Any) -> None:
    address = begin(client)
    before = client.session.session_key
    assert client.session.get_expiry_age() <= 900
    come_back(client, consent(address, "ada@example.org"))
    assert client.session.session_key != before
    lifetime = settings.SESSION_LIFETIME.total_seconds()
    assert lifetime - 600 < client.session.get_expiry_age() <= lifetime
    assert not Session.objects.filter(session_key=before).exists()


def test_the_session_lasts_no_longer_when_it_is_saved_again(client: Client, provider: Running, settings: Any) -> None:
    settings.SESSION_LIFETIME = timedelta(hours=8)
    sign_in(client, "ada@example.org")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert int(cookie["max-age"]) <= 8 * 3600
    ends = client.session.get_expiry_date()
    session = client.session
    session["later"] = "x"
    session.save()
    (row,) = Session.objects.filter(user__isnull=False)
    assert row.expire_date == client.session.get_expiry_date() == ends


def test_a_temporary_password_is_not_asked_of_who_signs_in_there(client: Client, provider: Running) -> None:
    sign_in(client, "ada@example.org")
    user = User.objects.get()
    user.set_password(PASSWORD)
    user.save()
    temporary_passwords.mark(user)
    sign_in(client, "ada@example.org")
    assert client.get("/rejections/").status_code == 200
    by_password = Client()
    by_password.post("/account/sign-in", {"username": user.username, "password": PASSWORD})
    assert by_password.get("/rejections/")["Location"].startswith("/account/password")


def test_signing_in_as_somebody_else_leaves_nothing_of_the_first(client: Client, provider: Running) -> None:
    client.force_login(User.objects.create_user("local"))
    session = client.session
    session["private"] = "x"
    session.save()
    sign_in(client, "ada@example.org")
    assert me(client).username == "ada"
    assert "private" not in client.session


@pytest.mark.once
@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil", "javascript:alert(1)", "x"]
)
def test_next_never_leads_elsewhere(elsewhere: str, client: Client, provider: Running) -> None:
    assert sign_in(client, "ada@example.org", elsewhere)["Location"] == "/"


def test_what_is_sent_to_the_provider(client: Client, provider: Running) -> None:
    asked = parse_qs(urlsplit(begin(client)).query)
    assert asked["redirect_uri"] == ["http://testserver/account/oidc/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
    assert asked["client_id"] == [oidc_providers.CLIENT_ID]
    other = parse_qs(urlsplit(begin(client)).query)
    assert all(other[name] != asked[name] for name in ("state", "nonce", "code_challenge"))


def test_only_a_form_of_this_server_begins(provider: Running) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get("/account/oidc/start").status_code == 405
    assert client.post("/account/oidc/start").status_code == 403


# What fails


def is_refused(answer: Any, status: int, *said: str) -> None:
    assert answer.status_code == status
    assert "no-store" in answer["Cache-Control"]
    assert all(each in words(answer) for each in said), words(answer)
    assert read(answer).addresses("Go to the sign-in page") == ["/account/sign-in"]


def test_no_consent(client: Client, provider: Running) -> None:
    address = consent(begin(client), "", action="deny")
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    joint = "&" if "?" in address else "?"
    is_refused(come_back(client, f"{address}{joint}state={state}"), 403, "Sign-in was refused")


@pytest.mark.once
@pytest.mark.parametrize(
    ("code", "status"), [("invalid_scope", 403), ("temporarily_unavailable", 503), ("<b>\r\nx", 403), ("", 403)]
)
def test_other_answers_of_the_provider(code: str, status: int, client: Client, provider: Running) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    answer = client.get("/account/oidc/callback", {"error": code, "error_description": "a\nb", "state": state})
    is_refused(answer, status)
    assert b"<b>" not in answer.content.partition(b"<main")[2]


def test_a_state_of_another_browser_an_old_one_and_a_used_one(
    client: Client, provider: Running, monkeypatch: Any
) -> None:
    address = consent(begin(Client()), "ada@example.org")
    is_refused(come_back(client, address), 400, "another browser")
    is_refused(client.get("/account/oidc/callback"), 400, "out of date")
    address = consent(begin(client), "ada@example.org")
    come_back(client, address)
    is_refused(come_back(client, address), 400, "was used already")
    address = consent(begin(client), "ada@example.org")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 601)
    is_refused(come_back(client, address), 400, "10 minutes")


def test_a_code_that_the_provider_refuses(client: Client, provider: Running) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    with captured() as log:
        is_refused(
            client.get("/account/oidc/callback", {"code": "x", "state": state}), 403, "does not prove who you are"
        )
    assert "check ENHANCELOG_OIDC_CLIENT_SECRET" in str(log.lines)


def with_claims(**changes: Any) -> Any:
    """Signs the ID token again with a key that ``jwks`` then publishes."""
    key = _own_key()
    header = {"kid": "another"} | changes.pop("header", {})
    signing = changes.pop("signing", key)
    algorithm = changes.pop("algorithm", "RS256")

    def token(response: Any) -> Any:
        told = response.get_json()
        claims = jwt.decode(told["id_token"], options={"verify_signature": False}) | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        told["id_token"] = jwt.encode(claims, signing, algorithm=algorithm, headers=header)
        response.set_data(json.dumps(told))
        return response

    def keys(response: Any) -> Any:
        published = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        response.set_data(json.dumps({"keys": [7, {"kty": "nonsense"}, published | {"kid": "another"}]}))
        return response

    return {"/oauth2/token": token, "/jwks": keys}


@cache
def _own_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


NOW = int(time.time())
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another"}, "another client"),
        ({"aud": [oidc_providers.CLIENT_ID, "another"]}, "(azp)"),
        ({"azp": "another"}, "(azp)"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"nonce": "another"}, "another nonce"),
        ({"nonce": None}, "another nonce"),
        ({"exp": NOW - 3600}, "compare the clocks"),
        ({"iat": NOW + 7200, "exp": NOW + 9000}, "compare the clocks"),
        ({"exp": None}, "cannot be read"),
        ({"sub": "x" * 300}, "no usable sub"),
        ({"sub": "ada\ud800"}, "no usable sub"),
        ({"sub": "somebody else"}, "somebody else"),
        ({"signing": OTHER_KEY}, "signature of the ID token is wrong"),
        ({"header": {"kid": "unknown"}}, "does not publish"),
        ({"signing": "a secret" * 8, "algorithm": "HS256"}, "only public keys"),
        ({"signing": None, "algorithm": "none"}, "only public keys"),
    ],
)
def test_an_id_token_that_proves_nothing(changes: Any, reason: str, client: Client, provider: Running) -> None:
    provider.changed.update(with_claims(**changes))
    with captured() as log:
        is_refused(sign_in(client, "ada@example.org"), 403, "does not prove who you are")
    assert reason in str(log.lines)
    assert me(client) is None
    assert not User.objects.exists()


def test_a_new_key_and_a_clock_that_is_a_little_late(client: Client, provider: Running) -> None:
    provider.changed.update(with_claims(iat=NOW - 4000, exp=int(time.time()) - 20))
    sign_in(client, "ada@example.org")
    assert me(client).username == "ada"


def answers(text: str, status: int = 200, **headers: str) -> Any:
    def change(response: Any) -> Any:
        response.status_code = status
        response.set_data(text)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    return change


DISCOVERY = "/.well-known/openid-configuration"


@pytest.mark.once
@pytest.mark.parametrize(
    "answer",
    [
        *(answers("<html>"), answers("[]"), answers("{}"), answers('{"issuer": 7}'), answers("x" * 600_000)),
        *(answers("[" * 100_000), answers("", 500), answers("", 302, Location="/elsewhere")),
    ],
)
def test_a_discovery_document_that_is_none(answer: Any, client: Client, provider: Running) -> None:
    provider.changed[DISCOVERY] = answer
    response = client.post("/account/oidc/start")
    is_refused(response, 503, "cannot be reached or does not work as it should")
    assert response["Retry-After"]
    assert client.get("/account/sign-in").status_code == 200


def test_a_provider_that_is_not_there(client: Client, settings: Any, provider: Running) -> None:
    settings.OIDC = provider.settings(issuer="http://127.0.0.1:9")
    assert client.get("/account/sign-in").status_code == 200
    with captured() as log:
        is_refused(client.post("/account/oidc/start"), 503)
    assert "cannot connect to 127.0.0.1:9" in str(log.lines)


@pytest.mark.once
@pytest.mark.parametrize("path", ["/oauth2/token", "/userinfo", "/jwks"])
@pytest.mark.parametrize(
    "answer",
    [
        *(answers("<html>"), answers("[]"), answers('"access_token"'), answers("", 500), answers("{}")),
        *(answers("5"), answers("[" * 100_000)),
    ],
)
def test_answers_that_mean_nothing(path: str, answer: Any, client: Client, provider: Running) -> None:
    address = consent(begin(client), "ada@example.org")
    provider.changed[path] = answer
    response = come_back(client, address)
    assert response.status_code in (403, 503)
    is_refused(response, response.status_code)
    assert me(client) is None


def test_the_discovery_document_is_kept_for_a_while(client: Client, provider: Running) -> None:
    asked = []

    def count(response: Any) -> Any:
        asked.append(1)
        return response

    provider.changed[DISCOVERY] = count
    for _ in range(3):
        begin(client)
    assert len(asked) == 1


# Without it


def test_without_an_issuer_there_is_nothing(client: Client, settings: Any) -> None:
    settings.OIDC = None
    assert client.post("/account/oidc/start").status_code == 404
    assert client.get("/account/oidc/callback").status_code == 404
    assert "Sign in with" not in words(client.get("/account/sign-in"))


def test_no_page_of_allauth_can_be_reached(client: Client) -> None:
    for path in ("accounts/login/", "accounts/signup/", "accounts/email/", "accounts/3rdparty/", "account/signup"):
        assert client.get(f"/{path}").status_code == 404
    client.force_login(User.objects.create_superuser("root"))
    for model in ("account/emailaddress", "socialaccount/socialapp", "socialaccount/socialaccount"):
        assert client.get(f"/admin/{model}/").status_code == 404


@pytest.mark.once
def test_its_session_names_browser_and_address_but_no_password(provider: Running) -> None:
    browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    client = Client(REMOTE_ADDR="192.0.2.7", headers={"user-agent": browser})
    provider.knows("u1", preferred_username="ada")
    sign_in(client, "u1")
    row = Session.objects.get(user=me(client))
    assert (row.address, row.browser) == ("192.0.2.7", "Firefox 128 on Linux")
    assert "Changing your password" not in read(client.get("/account/sessions")).words


@pytest.mark.once
@pytest.mark.usefixtures("provider")
def test_no_field_of_the_password_form_takes_the_focus(client: Client) -> None:
    assert b"autofocus" not in client.get("/account/sign-in").content
