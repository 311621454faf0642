"""``create_token``: the token alone on standard output, one line and exit code 2 when it cannot be made."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from enhancelog.accounts import api_tokens
from enhancelog.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def admin() -> User:
    return User.objects.create(username="admin", is_superuser=True, is_staff=True)


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_standard_output_is_the_token_alone(admin: User) -> None:
    out, err = run("ci", "--scope", "log:append", "--scope", "log:read", "--expires", "90d")
    token = api_tokens.present(out.removesuffix("\n"))
    assert (token.name, token.scopes, token.user) == ("ci", ["log:read", "log:append"], admin)
    assert token.expiry is not None
    assert token.made_by == "create_token"
    assert "log:append" in err
    assert out.strip() not in err


def test_limits_and_owner_are_taken() -> None:
    User.objects.create(username="bob")
    scopes = ("--scope", "log:append", "--scope", "content:write")
    run("ci", *scopes, "--blueprint", "team-*", "--blueprint", "", "--kind", "story", "--user", "bob")
    token = Token.objects.get()
    assert (token.write_blueprints, token.write_kinds, token.user.username) == (["team-*", ""], ["story"], "bob")


def test_it_says_in_which_database_the_token_is_and_what_it_may_do() -> None:
    _, err = run("ci", "--scope", "log:append", "--blueprint", "main")
    assert f"Token ci created for admin in {connection.settings_dict['NAME']}" in err
    assert 'Scopes: log:append. Expires: never.\nIt may write only to the Blueprint "main".' in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ci"], "--scope: needs at least one"),
        (["ci", "--scope", "log:write"], '--scope: unknown scope "log:write"; available: log:'),
        (["", "--scope", "log:read"], "NAME: must have 1 to 80"),
        (["taken", "--scope", "log:read"], "NAME: is taken"),
        (["ci", "--scope", "log:read", "--expires", "soon"], "--expires: must be like 90d"),
        (["ci", "--scope", "log:read", "--expires", "2020-01-01"], "--expires: must be in the future"),
        (["ci", "--scope", "log:append", "--blueprint", "a\nb"], "--blueprint: "),
        (["ci", "--scope", "content:write", "--kind", "stories"], '--kind: unknown kind "stories"; available: story'),
        (["ci", "--scope", "log:read", "--user", "nobody"], '--user: there is no user "nobody"'),
        (["ci", "--scope", "log:read", "--user", "gone"], "--user: gone is not active"),
        (["ci", "--scope", "log:read", "--user", "\udcff"], "--user: "),
        (["\udcff", "--scope", "log:read"], "NAME: must contain printable"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    User.objects.create(username="gone", is_active=False)
    run("taken", "--scope", "log:read")
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
    assert raised.value.returncode == 2
    assert Token.objects.count() == 1


def test_without_a_superuser_somebody_must_be_named(admin: User) -> None:
    admin.delete()
    User.objects.create(username="bob")
    with pytest.raises(CommandError, match="name the owner"):
        run("ci", "--scope", "log:read")


def test_without_any_user_the_one_that_serve_would_create_is_created(admin: User) -> None:
    admin.delete()
    out, err = run("ci", "--scope", "log:read")
    password = err.partition("Sign in as admin with the password ")[2].split()[0]
    assert User.objects.get(username="admin", is_superuser=True).check_password(password)
    assert api_tokens.present(out.strip()).user.username == "admin"


def test_no_user_is_created_for_a_token_that_cannot_be(admin: User) -> None:
    admin.delete()
    for arguments in (["ci"], ["ci", "--scope", "log:read", "--user", "bob"]):
        with pytest.raises(CommandError):
            run(*arguments)
    assert not User.objects.exists()


def test_a_database_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("no such table:\nenhancelog_token")

    monkeypatch.setattr(api_tokens, "make", fail)
    with pytest.raises(CommandError, match="no such table: enhancelog_token") as raised:
        run("ci", "--scope", "log:read")
    assert raised.value.returncode == 2
