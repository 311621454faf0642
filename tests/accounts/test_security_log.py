"""Sign-ins, tokens and passwords in the log: who, from where, and nothing that forges a line."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.models import Token
from tests.logged import Log, captured

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
SIGN_IN = "/account/sign-in"
ADDRESS = "192.0.2.7"


@pytest.fixture
def log() -> Iterator[Log]:
    with captured() as log:
        yield log


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


@pytest.fixture
def client() -> Client:
    return Client(REMOTE_ADDR=ADDRESS)


def said(log: Log) -> list[dict[str, Any]]:
    """The lines without what every line has."""
    common = ("logger", "timestamp", "request_id", "level")
    return [{name: value for name, value in line.items() if name not in common} for line in log.security]


def test_sessions_are_told_from_beginning_to_end(client: Client, ada: User, log: Log) -> None:
    client.post(SIGN_IN, {"username": "ada", "password": "wrong"})
    client.post(SIGN_IN, {"username": "ada", "password": PASSWORD})
    client.post("/account/sign-out")
    client.post("/account/sign-out")  # nobody is signed in any more
    assert said(log) == [
        {"event": event, "user": "ada", "address": ADDRESS} for event in ("sign-in failed", "signed in", "signed out")
    ]
    assert [line["level"] for line in log.security] == ["warning", "info", "info"]
    requests = {line["request_id"] for line in log.requests}
    assert all(line["request_id"] in requests for line in log.security)


@pytest.mark.parametrize("path", [SIGN_IN, "/admin/login/"])
def test_a_lockout_is_told(client: Client, settings: Any, log: Log, path: str) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    for _ in range(3):
        client.post(path, {"username": "ada", "password": "wrong"})
    assert [line["event"] for line in said(log)] == ["sign-in failed", "sign-in locked", "sign-in locked"]
    assert {(line["user"], line["address"]) for line in said(log)} == {("ada", ADDRESS)}


def test_the_address_is_the_clients_own_and_not_its_network(ada: User, log: Log) -> None:
    Client(REMOTE_ADDR="2001:db8::7").post(SIGN_IN, {"username": "ada", "password": "wrong"})
    assert said(log)[0]["address"] == "2001:db8::7"


def test_tokens_are_told_by_whatever_way_they_come_and_go(client: Client, ada: User, log: Log) -> None:
    client.force_login(ada)
    for name in ("ci", "cd", "cx"):
        client.post("/account/tokens", {"name": name, "scopes": ["log:read"], "expiry": "90d"})
    ci, cd, cx = Token.objects.order_by("pk")
    client.post(f"/account/tokens/revoke/{ci.pk}")
    client.post(f"/account/tokens/revoke/{ci.pk}")  # again
    client.post("/admin/enhancelog/token/", {"action": "revoke", "_selected_action": [cd.pk]})
    client.post(f"/admin/enhancelog/token/{cx.pk}/delete/", {"post": "yes"})
    call_command("create_token", "agent-7", "--scope", "log:read", "--user", "ada")
    assert [(line["event"], line["token"], line["user"]) for line in said(log) if "token" in line] == [
        ("token created", "ci", "ada"),
        ("token created", "cd", "ada"),
        ("token created", "cx", "ada"),
        ("token revoked", "ci", "ada"),
        ("token revoked", "cd", "ada"),
        ("token deleted", "cx", "ada"),
        ("token created", "agent-7", "create_token"),
    ]
    assert {(line["owner"], line["address"]) for line in said(log) if "token" in line} == {("ada", ADDRESS)}


def test_passwords_are_told_by_whatever_way_they_change(client: Client, ada: User, log: Log) -> None:
    bob = User.objects.create_user("bob", password=PASSWORD)
    client.force_login(ada)
    new = "something else entirely"
    form = dict.fromkeys(("new_password1", "new_password2", "password1", "password2"), new)
    client.post("/account/password", {"old_password": PASSWORD, **form})
    client.post(f"/admin/auth/user/{bob.pk}/password/", {"usable_password": "true", **form})
    changes = [line for line in said(log) if line["event"] == "password changed"]
    assert [(line["user"], line["address"]) for line in changes] == [("ada", ADDRESS), ("bob", ADDRESS)]
    assert new not in log.json.getvalue()


FORGED = 'x\n{"event": "signed in"}\r\u2028\x1b[2K\x85\x9b1m\u202e\u200b'


def test_no_name_forges_a_line(client: Client, ada: User, log: Log) -> None:
    client.post("/admin/login/", {"username": f"{FORGED}y", "password": "wrong"})
    (line,) = log.security
    assert line["user"].startswith('x\\n{"event"')
    assert line["user"].isprintable()
    written, shown = log.json.getvalue(), log.terminal.getvalue()
    assert len(written.splitlines()) == len(log.lines) == len(shown.splitlines())
    for character in "\u2028\x85\x9b\u202e\u200b":
        assert character not in written + shown
    assert "\x1b[2K" not in shown


def test_a_long_name_is_cut(client: Client, log: Log) -> None:
    client.post("/admin/login/", {"username": "x" * 200, "password": "wrong"})
    assert all(len(line["user"]) <= 150 for line in log.security)


def test_an_exception_forges_no_line_on_a_terminal(
    client: Client, ada: User, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any) -> None:
        raise RuntimeError(FORGED)

    monkeypatch.setattr("enhancelog.web.list_requests.read", fails)
    client.force_login(ada)
    client.raise_request_exception = False
    client.get("/search/")
    shown = log.terminal.getvalue()
    assert "RuntimeError: x" in shown
    assert "\x1b[2K" not in shown
    assert not [line for line in shown.splitlines() if line.startswith('{"event": "signed in"}')]
    written = log.json.getvalue()
    assert len(written.splitlines()) == len(log.lines)
    for character in "\u2028\x85\x9b\u202e\u200b":
        assert character not in written + shown


def test_revoking_all_is_told_one_by_one(client: Client, ada: User, log: Log) -> None:
    for name in ("a", "b"):
        api_tokens.make(api_tokens.Wanted(name, ["log:read"]), ada, made_by="test")
    client.force_login(ada)
    client.post("/account/tokens/revoke-all")
    revoked = [(line["token"], line["user"], line["address"]) for line in said(log) if line["event"] == "token revoked"]
    assert revoked == [("a", "ada", ADDRESS), ("b", "ada", ADDRESS)]
