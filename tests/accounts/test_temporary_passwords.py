"""A password that somebody else has set is changed before anything else; tokens work meanwhile."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens, temporary_passwords
from enhancelog.maintenance import prepare
from enhancelog.models import AuditRecord, TemporaryPassword
from tests.pages import read

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NEW = "something else entirely"
FORM = "/account/password"


@pytest.fixture
def ada() -> User:
    user = User.objects.create_user("ada", password=PASSWORD, is_staff=True)
    temporary_passwords.mark(user)
    return user


@pytest.fixture
def client(ada: User) -> Client:
    return signed_in("ada")


def signed_in(name: str, password: str = PASSWORD) -> Client:
    client = Client()
    assert client.post("/account/sign-in", {"username": name, "password": password}).status_code == 302
    return client


def change(client: Client, query: str = "", new: str = NEW, old: str = PASSWORD) -> Any:
    fields = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(FORM + query, fields)


@pytest.mark.parametrize(
    "path", ["/", "/rejections/?axis=noop", "/account/tokens", "/admin/", "/content/", "/v1/docs/"]
)
def test_every_page_leads_to_the_form_and_back(client: Client, path: str, settings: Any) -> None:
    settings.PUBLIC_READ = True
    asked = client.get(path)
    if path == "/v1/docs/":
        assert asked.status_code == 403
        return
    assert asked.status_code == 302
    assert asked["Location"].startswith(f"{FORM}?next={path.partition('?')[0]}")
    assert "Choose your own password before you go on" in read(client.get(asked["Location"])).words
    changed = change(client, "?" + asked["Location"].partition("?")[2])
    assert (changed.status_code, changed["Location"]) == (302, path)
    assert client.get(path).status_code == 200
    assert not TemporaryPassword.objects.exists()


def test_it_does_not_come_back(client: Client) -> None:
    change(client)
    assert signed_in("ada", NEW).get("/").status_code == 200


def test_a_fragment_leads_the_whole_page_there(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/rejections/"}
    assert client.get("/rejections/?axis=noop", headers=headers)["HX-Redirect"] == f"{FORM}?next=/rejections/"
    boosted = client.get("/matrix/", headers=headers | {"HX-Boosted": "true"})
    assert boosted["HX-Redirect"].startswith(f"{FORM}?next=")


def test_a_form_is_refused_and_what_was_typed_is_kept(client: Client) -> None:
    refused = client.post("/account/views", {"name": "typed for long", "url": "/rejections/"})
    assert refused.status_code == 403
    assert "Your password is a temporary one." in read(refused).words
    assert "typed for long" in refused.content.decode()


def test_the_api_is_refused_by_session_and_open_by_token(client: Client, ada: User, settings: Any) -> None:
    refused = client.get("/v1/enhance/log")
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("Your password is a temporary one. Change it at /account/password")
    settings.PUBLIC_PATH = "/log"
    assert "Change it at /log/account/password first" in client.get("/v1/enhance/log").json()["detail"]
    settings.PUBLIC_PATH = ""
    _, secret = api_tokens.make(api_tokens.Wanted("ci", ["log:read"]), ada, made_by="tests")
    assert client.get("/v1/enhance/log", headers={"authorization": f"Bearer {secret}"}).status_code == 200
    assert client.get("/", headers={"authorization": f"Bearer {secret}"}).status_code == 302


def test_health_and_signing_out_work(client: Client) -> None:
    assert client.get("/health/live").status_code == 200
    assert client.post("/account/sign-out")["Location"] == "/account/sign-in"


def test_the_same_password_is_no_new_one(client: Client) -> None:
    page = read(change(client, new=PASSWORD))
    assert "This is your current password." in page.words
    assert client.get("/")["Location"].startswith(FORM)


def test_it_never_leads_elsewhere(client: Client) -> None:
    assert change(client, "?next=https://evil.example/")["Location"] == "/"


def test_the_password_that_serve_prints_is_one() -> None:
    password = prepare.create_admin()
    assert password
    assert signed_in("admin", password).get("/")["Location"].startswith(FORM)


def test_the_demo_asks_for_no_other(settings: Any) -> None:
    settings.DEMO = True
    password = prepare.create_admin()
    assert password
    assert signed_in("admin", password).get("/account/views").status_code == 200


@pytest.fixture
def boss() -> Client:
    User.objects.create_superuser("boss", password=PASSWORD)
    return signed_in("boss")


@pytest.mark.parametrize("must_change", [True, False])
def test_an_administrator_chooses_for_a_new_user(boss: Client, must_change: bool) -> None:
    form = read(boss.get("/admin/auth/user/add/"))
    assert "checked" in form.all("input", name="must_change")[0].attributes
    fields = {"username": "bob", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    chosen = {"must_change": "on"} if must_change else {}
    assert boss.post("/admin/auth/user/add/", fields | chosen).status_code == 302
    assert TemporaryPassword.objects.filter(user__username="bob").exists() == must_change
    page = signed_in("bob").get("/rejections/")
    assert page.status_code == (302 if must_change else 200)


def test_an_administrator_sets_anothers_password(boss: Client) -> None:
    bob = User.objects.create_user("bob", password=PASSWORD)
    theirs = signed_in("bob")
    address = f"/admin/auth/user/{bob.pk}/password/"
    assert "checked" in read(boss.get(address)).all("input", name="must_change")[0].attributes
    fields = {"password1": NEW, "password2": NEW, "usable_password": "true", "set-password": "1", "must_change": "on"}
    assert boss.post(address, fields).status_code == 302
    assert theirs.get("/rejections/")["Location"].startswith("/account/sign-in")
    assert signed_in("bob", NEW).get("/rejections/")["Location"].startswith(FORM)
    last = AuditRecord.objects.order_by("position").last()
    assert last is not None
    assert (last.act, last.actor_name, last.about_id) == ("user.change", "boss", "bob")
    assert last.detail == '{"must_change_password":true}'


def test_an_administrators_own_password_is_not_temporary(boss: Client) -> None:
    address = f"/admin/auth/user/{User.objects.get(username='boss').pk}/password/"
    assert not read(boss.get(address)).all("input", name="must_change")
    fields = {"password1": NEW, "password2": NEW, "usable_password": "true", "set-password": "1", "must_change": "on"}
    assert boss.post(address, fields).status_code == 302
    assert not TemporaryPassword.objects.exists()
    assert signed_in("boss", NEW).get("/rejections/").status_code == 200


def test_a_disabled_password_ends_the_sessions_and_is_not_to_be_changed(boss: Client) -> None:
    bob = User.objects.create_user("bob", password=PASSWORD)
    temporary_passwords.mark(bob)
    theirs = signed_in("bob")
    fields = {"usable_password": "false", "unset-password": "1", "must_change": "on"}
    assert boss.post(f"/admin/auth/user/{bob.pk}/password/", fields).status_code == 302
    assert not TemporaryPassword.objects.exists()
    assert theirs.get("/rejections/")["Location"].startswith("/account/sign-in")
    assert bob.sessions.count() == 0


@pytest.mark.once
@pytest.mark.parametrize("path", ["/account/sign-out", "/admin/logout/"])
def test_signing_out_is_always_possible(client: Client, path: str) -> None:
    assert client.post(path).status_code == 302
    assert "_auth_user_id" not in client.session
