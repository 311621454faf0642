"""Signing in leads back to where one came from and nowhere else; wrong passwords are told, then locked out."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from tests.pages import read

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("reader", password=PASSWORD)


def sign_in(client: Client, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/account/sign-in", {"username": "reader", "password": password, **more})


def test_a_page_that_needs_it_leads_to_sign_in_and_back(client: Client, user: User) -> None:
    asked = client.get("/?period=30d")
    assert (asked.status_code, asked["Location"]) == (302, "/account/sign-in?next=/%3Fperiod%3D30d")
    form = read(client.get(asked["Location"]))
    hidden, _ = form.all("input", name="next")  # the other one is the choice of colours
    response = sign_in(client, next=hidden.attributes["value"])
    assert (response.status_code, response["Location"]) == (302, "/?period=30d")


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("https://evil.example/", "//evil.example", "///evil.example", "/\\evil", "javascript:alert(1)", "\\\\evil"),
        *("x", "rejections/", "./x", "../x", "?period=7d", "#x", " /x", "http://[", "http://testserver/rejections/"),
    ],
)
def test_next_never_leads_elsewhere(client: Client, user: User, elsewhere: str) -> None:
    assert sign_in(client, next=elsewhere)["Location"] == "/"


def test_next_may_be_the_sign_in_page_itself(client: Client, user: User) -> None:
    page = read(client.get("/account/sign-in?next=/account/sign-in"))
    assert page.all("input", name="next")[0].attributes["value"] == ""
    assert sign_in(client, next="/account/sign-in")["Location"] == "/"
    assert client.get("/account/sign-in?next=/account/sign-in")["Location"] == "/"


@pytest.mark.parametrize("address", ["http://[", "http://testserver", "nonsense", "http://evil.example/?period=7d"])
def test_a_fragment_from_no_page_of_ours_leads_to_the_overview(client: Client, address: str) -> None:
    response = client.get("/?period=30d", headers={"HX-Request": "true", "HX-Current-URL": address})
    assert response["HX-Redirect"] == "/account/sign-in?next=/"


def test_a_fragment_of_somebody_signed_out_takes_the_whole_page_to_sign_in(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/?period=7d"}
    response = client.get("/?period=30d", headers=headers)
    assert response["HX-Redirect"] == "/account/sign-in?next=/%3Fperiod%3D7d"


def test_a_wrong_password_is_said_without_saying_which_part_is_wrong(client: Client, user: User) -> None:
    known = read(sign_in(client, "wrong"))
    unknown = read(client.post("/account/sign-in", {"username": "nobody", "password": "wrong"}))
    (said,) = known.all("p", role="alert")
    assert said.words == "Incorrect user name or password. Both are case-sensitive."
    assert [each.words for each in unknown.all("p", role="alert")] == [said.words]


def test_an_empty_field_is_told_beside_it(client: Client) -> None:
    page = read(client.post("/account/sign-in", {"username": "", "password": ""}))
    (field,) = page.all("input", name="username")
    assert field.attributes["aria-invalid"] == "true"
    assert [each.words for each in page.all("div", id="id_username_error")] == ["This field is required."]


def test_too_many_wrong_passwords_lock_the_name_out(client: Client, user: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(2):
        assert sign_in(client, "wrong").status_code == 200
    response = sign_in(client, "wrong")
    assert (response.status_code, response["Retry-After"]) == (429, "900")
    assert "Too many failed sign-ins" in read(response).words
    assert sign_in(client).status_code == 429


def test_whoever_is_signed_in_goes_straight_on(client: Client, user: User) -> None:
    client.force_login(user)
    assert client.get("/account/sign-in?next=/blueprints/")["Location"] == "/blueprints/"


def test_signing_out_takes_a_post(client: Client, user: User) -> None:
    client.force_login(user)
    assert client.get("/account/sign-out").status_code == 405
    assert client.post("/account/sign-out")["Location"] == "/account/sign-in"
    assert client.get("/").status_code == 302


def test_a_new_password_ends_other_sessions_and_keeps_this_one(client: Client, user: User) -> None:
    other = Client()
    for session in (client, other):
        session.force_login(user)
    new = "something else entirely"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    response = client.post("/account/password", fields, follow=True)
    assert "API tokens and feed addresses stay valid." in read(response).words
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert User.objects.get().check_password(new)


def test_a_weak_password_is_refused_beside_its_field(client: Client, user: User) -> None:
    client.force_login(user)
    fields = {"old_password": "wrong", "new_password1": "1234", "new_password2": "1234"}
    page = read(client.post("/account/password", fields))
    assert page.all("div", id="id_old_password_error")
    assert "at least 10 characters" in page.all("div", id="id_new_password2_error")[0].words


def test_the_password_page_needs_a_sign_in(client: Client) -> None:
    assert client.get("/account/password")["Location"].startswith("/account/sign-in?next=/account/password")


def test_the_password_page_says_what_a_new_password_does_not_end(client: Client, user: User) -> None:
    client.force_login(user)
    rule = "API tokens and feed addresses stay valid until they are revoked."
    without = read(client.get("/account/password")).words
    assert rule in without
    assert "Your API tokens" not in without
    _, secret = api_tokens.make(api_tokens.Wanted("ci", ["log:read"]), user, made_by="test")
    assert "You have 1 API token. A new password does not revoke it." in read(client.get("/account/password")).words
    new = "something else entirely"
    client.post("/account/password", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert api_tokens.present(secret).user == user


@pytest.mark.parametrize(
    ("demo", "public", "said"),
    [
        (True, True, "This is a demo: you can read it without signing in."),
        (False, True, "you can read without signing in"),
        (False, False, ""),
    ],
)
def test_sign_in_says_when_reading_needs_none(
    client: Client, settings: Any, demo: bool, public: bool, said: str
) -> None:
    settings.DEMO, settings.PUBLIC_READ = demo, public
    words = read(client.get("/account/sign-in")).words
    assert said in words if said else "without signing in" not in words
