"""``/account/tokens``: who sees which, what can be made, the secret shown once, and revoking."""

import shlex
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.accounts.api_tokens import Wanted
from enhancelog.models import Token
from tests.pages import read

pytestmark = pytest.mark.django_db

PAGE = "/account/tokens"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ada() -> User:
    return User.objects.create(username="ada", is_staff=True)


@pytest.fixture
def bob() -> User:
    return User.objects.create(username="bob")


def signed_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def make(owner: User, name: str = "ci") -> Token:
    return api_tokens.make(Wanted(name, ["log:read"]), owner, made_by="test")[0]


def words(response: Any) -> str:
    return read(response).words


def listed(client: Client) -> list[str]:
    """The names of the tokens in the table."""
    return [row.all("b")[0].words for row in read(client.get(PAGE)).all("tr") if row.all("td")]


def fields(**changes: Any) -> dict[str, Any]:
    return {"name": "ci", "scopes": ["log:read"], "expiry": "90d"} | changes


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    assert client.get(PAGE)["Location"].startswith("/account/sign-in")
    for response in (client.post(PAGE, fields()), client.post(f"{PAGE}/revoke/1")):
        assert response.status_code == 401
    assert not Token.objects.exists()


def test_users_see_their_own_and_staff_everybodys(ada: User, bob: User) -> None:
    make(ada, "of-ada")
    make(bob, "of-bob")
    assert listed(signed_in(bob)) == ["of-bob"]
    assert listed(signed_in(ada)) == ["of-ada", "of-bob"]


def test_the_secret_is_shown_once_and_cached_nowhere(ada: User) -> None:
    client = signed_in(ada)
    response = client.post(PAGE, fields(scopes=["log:append"], write_blueprints=" main \r\n\r\nteam-*"))
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    (shown,) = read(response).all("code", id="secret")
    secret = shown.words
    token = api_tokens.present(secret)
    assert (token.scopes, token.write_blueprints, token.made_by) == (["log:append"], ["main", "team-*"], "ada")
    assert secret not in client.get(PAGE).content.decode()


def test_the_example_can_be_pasted_into_any_shell(ada: User) -> None:
    answer = read(signed_in(ada).post(PAGE, fields()))
    (secret,) = [shown.words for shown in answer.all("code", id="secret")]
    (example,) = [block.words for block in answer.all("pre") if block.words.startswith("curl ")]
    assert shlex.split(example)[1:3] == ["-H", f"Authorization: Bearer {secret}"]
    assert example.endswith("/v1/enhance/log?page_size=1'")  # zsh would expand an unquoted question mark


def test_reloading_the_answer_makes_no_second_token(ada: User) -> None:
    client = signed_in(ada)
    client.post(PAGE, fields())
    again = client.post(PAGE, fields())
    assert again.status_code == 400
    assert "Is taken" in words(again)
    assert Token.objects.count() == 1


def test_who_is_not_staff_makes_reading_tokens_for_themselves(bob: User) -> None:
    client = signed_in(bob)
    offered = read(client.get(PAGE)).all("input", name="scopes")
    assert [each.attributes["value"] for each in offered] == ["log:read", "content:read"]
    assert client.post(PAGE, fields(scopes=["log:read", "log:append"])).status_code == 400
    assert client.post(PAGE, fields(user="1", write_kinds="story")).status_code == 201
    assert Token.objects.get().user == bob


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "a\x00b"}, "Null characters"),
        ({"name": "a\u202eb"}, "Must contain printable characters only"),
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["root"]}, "Select a valid choice"),
        ({"expiry": "9999999d"}, "Select a valid choice"),
        ({"scopes": ["content:write"], "write_kinds": "nonsense"}, 'nknown kind "nonsense"; available: story'),
        ({"scopes": ["log:append"], "write_blueprints": "a\x01b"}, "ontrol characters"),
        (
            {"scopes": ["log:read"], "write_blueprints": "main"},
            "Limits log:append, but the token does not have",
        ),
    ],
)
def test_a_form_that_is_wrong_says_where(ada: User, changes: dict[str, Any], said: str) -> None:
    response = signed_in(ada).post(PAGE, fields(**changes))
    assert response.status_code == 400
    assert said in words(response)
    assert not Token.objects.exists()


def test_names_are_escaped(ada: User) -> None:
    client = signed_in(ada)
    made = client.post(PAGE, fields(name=HOSTILE))
    revoked = client.post(f"{PAGE}/revoke/{Token.objects.get().pk}", follow=True)
    for page in (made, client.get(PAGE), revoked):
        assert not read(page).all("img")
        assert HOSTILE in words(page)


def test_revoking_needs_a_post_and_ends_the_token(ada: User) -> None:
    client = signed_in(ada)
    token = make(ada)
    assert client.get(f"{PAGE}/revoke/{token.pk}").status_code == 405
    response = client.post(f"{PAGE}/revoke/{token.pk}", follow=True)
    assert "revoked." in words(response)
    token.refresh_from_db()
    assert token.revoked is not None


@pytest.mark.parametrize("number", ["0", "999999999", "9" * 30, "9" * 5000])
def test_revoking_what_is_not_there_is_404(ada: User, number: str) -> None:
    assert signed_in(ada).post(f"{PAGE}/revoke/{number}").status_code == 404


def test_others_tokens_are_revoked_by_staff_only(ada: User, bob: User) -> None:
    of_ada, of_bob = make(ada, "of-ada"), make(bob, "of-bob")
    assert signed_in(bob).post(f"{PAGE}/revoke/{of_ada.pk}").status_code == 404
    assert signed_in(ada).post(f"{PAGE}/revoke/{of_bob.pk}").status_code == 302
    assert list(Token.objects.filter(revoked=None)) == [of_ada]


@pytest.mark.parametrize("path", [PAGE, "/account/password"])
def test_all_of_ones_own_are_revoked_at_once_after_a_second_click(ada: User, bob: User, path: str) -> None:
    """Staff too revoke their own only. The button is in a part that opens without a script."""
    of_bob = make(bob, "of-bob")
    client = signed_in(ada)
    assert not read(client.get(path)).all("form", action=f"{PAGE}/revoke-all")
    for n in range(3):
        make(ada, f"of-ada-{n}")
    api_tokens.revoke(Token.objects.get(name="of-ada-2"), "test")
    page = read(client.get(path))
    (closed,) = [each for each in page.all("details") if "Revoke all my tokens" in each.text]
    assert "open" not in closed.attributes
    (form,) = [each for each in closed.inside if each.tag == "form"]
    assert (form.attributes["action"], form.attributes["method"]) == (f"{PAGE}/revoke-all", "post")
    assert [each.words for each in form.inside if each.tag == "button"] == ["Revoke 2 tokens permanently"]
    assert client.get(f"{PAGE}/revoke-all").status_code == 405
    done = client.post(f"{PAGE}/revoke-all", follow=True)
    assert "2 of your tokens were revoked." in read(done).words
    assert list(Token.objects.filter(revoked=None)) == [of_bob]


def test_revoking_all_needs_a_sign_in(client: Client, ada: User) -> None:
    make(ada)
    assert client.post(f"{PAGE}/revoke-all").status_code == 401
    assert Token.objects.filter(revoked=None).count() == 1


def test_forms_need_their_csrf_token(ada: User) -> None:
    client = signed_in(ada, enforce_csrf_checks=True)
    token = make(ada)
    assert client.post(f"{PAGE}/revoke-all").status_code == 403
    assert client.post(PAGE, fields(name="other")).status_code == 403
    assert client.post(f"{PAGE}/revoke/{token.pk}").status_code == 403


def test_the_page_takes_a_fixed_number_of_queries(ada: User, django_assert_num_queries: Any) -> None:
    client = signed_in(ada)
    for number in range(12):
        token = make(ada, f"t{number}")
        if number % 3 == 0:
            api_tokens.revoke(token, "test")
    with django_assert_num_queries(5):  # session, user, tokens, revoked ones, mentions
        client.get(PAGE)


@pytest.fixture
def root() -> User:
    return User.objects.create(username="root", is_staff=True, is_superuser=True)


def test_the_admin_lists_and_revokes_tokens_and_never_shows_a_digest(root: User) -> None:
    token = make(root, HOSTILE)
    client = signed_in(root)
    for path in ("/admin/enhancelog/token/", f"/admin/enhancelog/token/{token.pk}/change/"):
        response = client.get(path)
        assert HOSTILE in words(response)
        assert not read(response).all("img", src="x")
        assert token.digest not in response.content.decode()
    chosen = {"action": "revoke", "_selected_action": [token.pk]}
    assert client.post("/admin/enhancelog/token/", chosen).status_code == 302
    token.refresh_from_db()
    assert token.revoked is not None


def test_making_one_in_the_admin_leads_to_the_page_that_shows_it(root: User, ada: User) -> None:
    assert signed_in(root).get("/admin/enhancelog/token/add/")["Location"] == PAGE
    assert signed_in(ada).get("/admin/enhancelog/token/").status_code == 403
