"""What is done to tokens, users, groups, saved views and feed keys is in the audit, without a secret."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from enhancelog.accounts import api_tokens, saved_views
from enhancelog.accounts.api_tokens import Wanted
from enhancelog.maintenance import prepare
from enhancelog.models import AuditRecord, SavedView, Token

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
ADMIN = "/admin/auth/user/"


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


@pytest.fixture
def boss(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def since(ada: User) -> Callable[[], list[tuple[str, str, str, dict[str, Any]]]]:
    """What was recorded since: act, by whom, about which id, detail."""
    before = AuditRecord.objects.count()

    def found() -> list[tuple[str, str, str, dict[str, Any]]]:
        rows = AuditRecord.objects.filter(position__gt=before).order_by("position")
        return [(row.act, f"{row.actor_kind} {row.actor_name}", row.about_id, json.loads(row.detail)) for row in rows]

    return found


def test_a_token_is_made_revoked_and_deleted(boss: Client, ada: User, since: Any) -> None:
    made = boss.post("/account/tokens", {"name": "ci", "scopes": ["log:append"], "write_blueprints": "team-*"})
    assert made.status_code == 201
    token = Token.objects.get()
    boss.post(reverse("revoke_token", args=[token.pk]))
    boss.post(reverse("revoke_token", args=[token.pk]))
    boss.post(f"/admin/enhancelog/token/{token.pk}/delete/", {"post": "yes"})
    named = {"name": "ci", "owner": "ada"}
    assert since() == [
        ("token.make", "user ada", str(token.pk), named | {"scopes": ["log:append"], "write_blueprints": ["team-*"]}),
        ("token.revoke", "user ada", str(token.pk), named),
        ("token.delete", "user ada", str(token.pk), named),
    ]


def test_tokens_of_commands_and_all_of_ones_own(boss: Client, since: Any) -> None:
    for name in ("a", "b"):
        call_command("create_token", name, "--scope", "log:read", stdout=io.StringIO(), stderr=io.StringIO())
    boss.post(reverse("revoke_own_tokens"))
    assert [(act, by) for act, by, _, _ in since()] == [
        *[("token.make", "command create_token")] * 2,
        *[("token.revoke", "user ada")] * 2,
    ]


def test_the_admin_revokes_and_deletes_several(boss: Client, ada: User, since: Any) -> None:
    keys = [api_tokens.make(Wanted(name, ["log:read"]), ada, "ada")[0].pk for name in "ab"]
    for action in ("revoke", "delete_selected"):
        boss.post("/admin/enhancelog/token/", {"action": action, "_selected_action": keys, "post": "yes"})
    acts = [act for act, _, _, _ in since()]
    assert acts == [*["token.make"] * 2, *["token.revoke"] * 2, *["token.delete"] * 2]
    assert not Token.objects.exists()


def test_a_refused_token_leaves_no_trace(ada: User, since: Any) -> None:
    api_tokens.make(Wanted("ci", ["log:read"]), ada, "ada")
    with pytest.raises(ValueError, match="taken"):
        api_tokens.make(Wanted("ci", ["log:read"]), ada, "ada")
    assert [act for act, _, _, _ in since()] == ["token.make"]


def test_users_in_the_admin(boss: Client, since: Any) -> None:
    added = {"username": "bob", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert boss.post(f"{ADMIN}add/", added).status_code == 302
    bob = User.objects.get(username="bob")
    joined = {"date_joined_0": "2026-11-01", "date_joined_1": "00:00:00"}
    assert boss.post(f"{ADMIN}{bob.pk}/change/", {"username": "rob", "is_staff": "on", **joined}).status_code == 302
    word = {"password1": PASSWORD + "2", "password2": PASSWORD + "2", "usable_password": "true"}
    assert boss.post(f"{ADMIN}{bob.pk}/password/", word).status_code == 302
    assert boss.post(f"{ADMIN}{bob.pk}/delete/", {"post": "yes"}).status_code == 302
    flags = {"is_active": True, "is_staff": False, "is_superuser": False}
    changed = ["username", "is_active", "is_staff"]
    assert since() == [
        ("user.make", "user ada", "bob", flags),
        ("user.change", "user ada", "rob",
         {"changed": changed, "is_active": False, "is_staff": True, "former_name": "bob"}),
        ("user.change", "user ada", "rob", {"changed": ["password"]}),
        ("user.delete", "user ada", "rob", {}),
    ]  # fmt: skip


def test_deleting_several_users(boss: Client, since: Any) -> None:
    keys = [User.objects.create_user(name).pk for name in "xy"]
    boss.post(ADMIN, {"action": "delete_selected", "_selected_action": keys, "post": "yes"})
    deleted = [(by, about) for act, by, about, _ in since() if act == "user.delete"]
    assert sorted(deleted) == [("user ada", "x"), ("user ada", "y")]


def test_groups_and_who_is_in_them(boss: Client, since: Any) -> None:
    assert boss.post("/admin/auth/group/add/", {"name": "team", "permissions": ["1"]}).status_code == 302
    group = Group.objects.get()
    User.objects.get().groups.add(group)
    group.user_set.clear()
    assert [(act, about) for act, _, about, _ in since()] == [
        ("group.make", "team"),
        ("group.change", "team"),
        ("user.change", "ada"),
        ("group.change", "team"),
    ]
    details = [detail for _, _, _, detail in since()]
    assert details[1]["changed"] == ["permissions"]
    assert details[2] == {"changed": ["groups"], "add": ["team"]}


def test_ones_own_password(boss: Client, since: Any) -> None:
    word = {"old_password": PASSWORD, "new_password1": PASSWORD + "2", "new_password2": PASSWORD + "2"}
    assert boss.post("/account/password", word).status_code == 302
    assert since() == [("user.change", "user ada", "ada", {"changed": ["password"]})]


def test_a_sign_in_changes_nobody(ada: User, since: Any) -> None:
    assert Client().post("/account/sign-in", {"username": "ada", "password": PASSWORD}).status_code == 302
    assert since() == []


def test_a_password_hashed_anew_is_not_a_change(ada: User, since: Any, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    before = ada.password
    assert ada.check_password(PASSWORD)
    assert ada.password != before
    assert since() == []


def test_commands_make_users(since: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["manage.py", "createsuperuser"])
    call_command("createsuperuser", "--noinput", "--username", "cyd", "--email", "c@example.org", stdout=io.StringIO())
    monkeypatch.setattr("sys.argv", ["manage.py", "serve"])
    User.objects.all().delete()
    assert prepare.create_admin()
    found = since()
    acts = [(act, by, about) for act, by, about, _ in found]
    assert acts[0] == ("user.make", "command createsuperuser", "cyd")
    assert acts[-2:] == [("user.make", "command serve", "admin"), ("user.change", "command serve", "admin")]
    assert found[-1][-1] == {"must_change_password": True}


def test_views_and_their_feed_keys(boss: Client, since: Any) -> None:
    boss.post("/account/views", {"name": "Noop", "url": "/rejections/?axis=noop", "shared": "on"})
    view = SavedView.objects.get()
    for fields in ({"act": "rename", "name": "Noops"}, {"act": "keep"}, {"act": "keep"}, {"act": "key"}):
        boss.post(reverse("change_saved_view", args=[view.pk]), fields)
    for act in ("revoke", "revoke", "delete"):
        boss.post(reverse("change_saved_view", args=[view.pk]), {"act": act})
    named = {"name": "Noops", "owner": "ada"}
    assert [(act, detail) for act, _, _, detail in since()] == [
        ("view.make", {"name": "Noop", "owner": "ada", "shared": True}),
        ("view.change", named | {"former_name": "Noop"}),
        ("view.change", named | {"shared": False}),
        ("feed.make", named),
        ("feed.revoke", named),
        ("view.delete", named),
    ]
    assert {(by, about) for _, by, about, _ in since()} == {("user ada", str(view.pk))}


def test_the_admin_deletes_others_views(boss: Client, since: Any) -> None:
    bob = User.objects.create_user("bob")
    view = saved_views.make(bob, "rude", "/search/", shared=True)
    boss.post(f"/admin/enhancelog/savedview/{view.pk}/delete/", {"post": "yes"})
    act, by, _, detail = since()[-1]
    assert (act, by, detail["owner"]) == ("view.delete", "user ada", "bob")


def test_no_secret_is_in_the_audit(boss: Client, ada: User) -> None:
    token, secret = api_tokens.make(Wanted("ci", api_tokens.SCOPES), ada, "ada")
    view = saved_views.make(ada, "Noop", "/rejections/?axis=noop")
    key = saved_views.make_key(view)
    word = {"old_password": PASSWORD, "new_password1": "another " + PASSWORD, "new_password2": "another " + PASSWORD}
    boss.post("/account/password", word)
    view.refresh_from_db()
    ada.refresh_from_db()
    written = json.dumps(list(AuditRecord.objects.values()), default=str)
    for hidden in (secret, secret[4:], token.digest, token.token_key, key, view.key_digest, PASSWORD, ada.password):
        assert str(hidden) not in written
