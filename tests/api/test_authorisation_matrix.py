"""Every route under ``/v1/`` and ``/metrics``, for every sort of caller, with public read on and off: 401, 403 or done.

The expected answers are written down here once more, on purpose not taken from ``permissions``. A new route or method
without an entry in ``ROUTES`` fails.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings

from content.store import open_store as open_content
from enhancelog.accounts import api_tokens
from enhancelog.domain.origin import Origin
from enhancelog.models import Token
from enhancelog.store import evidence, open_store
from tests.evidence.logs import KEY
from tests.factories import make_entry, make_fields

pytestmark = [pytest.mark.django_db, pytest.mark.once]

SETUP = Origin("command", "test", "api")


class Call(NamedTuple):
    """A request that succeeds for whoever has ``scope``; everybody may where that is ``None``."""

    scope: str | None
    path: str
    body: Any = None
    status: int = 200
    users_too: bool = False  # any signed-in user, about their own


ROUTES: Final[dict[tuple[str, str], Call]] = {
    ("v1/enhance/log", "GET"): Call("log:read", "/v1/enhance/log"),
    ("v1/enhance/log", "POST"): Call("log:append", "/v1/enhance/log", make_fields(issue_id="new"), 201),
    ("v1/enhance/log/", "GET"): Call(None, "/v1/enhance/log/", status=404),
    ("v1/enhance/log/<id:issue_id>", "GET"): Call("log:read", "/v1/enhance/log/h-1"),
    ("v1/enhance/log/<id:issue_id>", "PUT"): Call(
        "log:append", "/v1/enhance/log/new", make_fields(issue_id="new"), 201
    ),
    ("v1/enhance/entries/<id:issue_id>", "GET"): Call("log:read", "/v1/enhance/entries/h-1"),
    ("v1/enhance/axes", "GET"): Call("log:read", "/v1/enhance/axes"),
    ("v1/enhance/axes/<id:axis>", "GET"): Call("log:read", "/v1/enhance/axes/nobody", status=404),
    ("v1/enhance/themes/<id:axis>", "GET"): Call("log:read", "/v1/enhance/themes/nobody", status=404),
    ("v1/enhance/funnel", "GET"): Call("log:read", "/v1/enhance/funnel"),
    ("v1/enhance/steadiness", "GET"): Call("log:read", "/v1/enhance/steadiness"),
    ("v1/enhance/differences", "GET"): Call("log:read", "/v1/enhance/differences?status=rejected"),
    ("v1/enhance/what-if", "GET"): Call("log:read", "/v1/enhance/what-if?without=noop"),
    ("v1/enhance/markers", "GET"): Call("log:read", "/v1/enhance/markers"),
    ("v1/enhance/markers", "POST"): Call("log:append", "/v1/enhance/markers", {"title": "prompt v12"}, 201),
    ("v1/enhance/markers/<id:marker_id>", "GET"): Call("log:read", f"/v1/enhance/markers/{'0' * 16}", status=404),
    ("v1/enhance/markers/<id:marker_id>", "PATCH"): Call(
        "log:append", f"/v1/enhance/markers/{'0' * 16}", {"title": "prompt v13"}, 404
    ),
    ("v1/enhance/reviews/<id:issue_id>", "GET"): Call("log:read", "/v1/enhance/reviews/h-1"),
    ("v1/enhance/reviews/<id:issue_id>", "PUT"): Call(
        "triage:write", "/v1/enhance/reviews/h-1?axis=noop", {"verdict": "wrong"}, 400
    ),
    ("v1/enhance/review-queue", "GET"): Call("log:read", "/v1/enhance/review-queue?axis=noop"),
    ("v1/enhance/patterns", "GET"): Call("log:read", "/v1/enhance/patterns"),
    ("v1/enhance/patterns/<id:pattern_id>", "GET"): Call("log:read", f"/v1/enhance/patterns/{'0' * 16}", status=404),
    ("v1/enhance/patterns/<id:pattern_id>", "PATCH"): Call(
        "triage:write", f"/v1/enhance/patterns/{'0' * 16}", {"state": "fixed"}, 404
    ),
    ("v1/enhance/patterns/history/<id:pattern_id>", "GET"): Call(
        "log:read", f"/v1/enhance/patterns/history/{'0' * 16}", status=404
    ),
    ("v1/enhance/patches/<id:issue_id>", "GET"): Call("log:read", "/v1/enhance/patches/h-1"),
    ("v1/enhance/documents/<id:hash>", "GET"): Call("log:read", f"/v1/enhance/documents/{'0' * 64}", status=404),
    ("v1/enhance/unfinished", "GET"): Call("log:read", "/v1/enhance/unfinished"),
    ("v1/enhance/unfinished/<id:issue_id>", "GET"): Call("log:read", "/v1/enhance/unfinished/h-1", status=404),
    ("v1/enhance/unfinished/<id:issue_id>", "PUT"): Call(
        "log:append",
        "/v1/enhance/unfinished/u-1",
        {"issue_id": "u-1", "blueprint_id": "main", "status": "pending"},
        201,
    ),
    ("v1/enhance/why", "GET"): Call("log:read", "/v1/enhance/why?blueprint_id=main"),
    ("v1/evidence/checkpoint", "GET"): Call("log:read", "/v1/evidence/checkpoint"),
    ("v1/evidence/keys", "GET"): Call("log:read", "/v1/evidence/keys"),
    ("v1/evidence/proofs/<id:issue_id>", "GET"): Call("log:read", "/v1/evidence/proofs/h-1"),
    ("v1/evidence/consistency", "GET"): Call("log:read", "/v1/evidence/consistency?first=0"),
    ("v1/evidence/tile/<id:path>", "GET"): Call("log:read", "/v1/evidence/tile/entries/000.p/1"),
    ("v1/notes", "GET"): Call("log:read", "/v1/notes?about=entry:h-1"),
    ("v1/notes", "POST"): Call("triage:write", "/v1/notes?about=entry:h-1", {"text": "prompt v12"}, 201),
    ("v1/notes/<id:note_id>", "GET"): Call("log:read", f"/v1/notes/{'0' * 16}", status=404),
    ("v1/notes/<id:note_id>", "PATCH"): Call("triage:write", f"/v1/notes/{'0' * 16}", {"text": "a"}, 404),
    ("v1/notes/<id:note_id>", "DELETE"): Call("triage:write", f"/v1/notes/{'0' * 16}", status=404),
    ("v1/alerts", "GET"): Call("alerts:own", "/v1/alerts"),
    ("v1/alerts", "POST"): Call(
        "alerts:own", "/v1/alerts", {"name": "a", "event": "digest", "channel": "email", "address": "a@b.example"}, 400
    ),
    ("v1/alerts/<id:alert_id>", "GET"): Call("alerts:own", f"/v1/alerts/{'0' * 16}", status=404),
    ("v1/alerts/<id:alert_id>", "PATCH"): Call("alerts:own", f"/v1/alerts/{'0' * 16}", {"on": False}, 404),
    ("v1/alerts/<id:alert_id>", "DELETE"): Call("alerts:own", f"/v1/alerts/{'0' * 16}", status=404),
    ("v1/alerts/test/<id:alert_id>", "POST"): Call("alerts:own", f"/v1/alerts/test/{'0' * 16}", status=404),
    ("v1/openapi.json", "GET"): Call("log:read", "/v1/openapi.json"),
    ("v1/schemas/entry.json", "GET"): Call("log:read", "/v1/schemas/entry.json"),
    ("v1/content", "GET"): Call("content:read", "/v1/content"),
    ("v1/content/import", "POST"): Call("content:write", "/v1/content/import?merge=1", {"s:gate_output": "x"}),
    ("v1/content/export", "GET"): Call("content:read", "/v1/content/export"),
    ("v1/content/stories/<id:story_id>", "GET"): Call("content:read", "/v1/content/stories/s"),
    ("v1/content/kinds/<str:kind>/<id:story_id>", "GET"): Call("content:read", "/v1/content/kinds/merge_success/s"),
    ("v1/content/kinds/<str:kind>/<id:story_id>", "PUT"): Call(
        "content:write", "/v1/content/kinds/merge_success/s", {"value": "y"}
    ),
    ("v1/content/kinds/<str:kind>/<id:story_id>", "DELETE"): Call(
        "content:write", "/v1/content/kinds/merge_success/s", status=204
    ),
    ("v1/content/take/<str:kind>/<id:story_id>", "POST"): Call("content:write", "/v1/content/take/merge_success/s"),
    ("v1/content/increment/<str:kind>/<id:story_id>", "POST"): Call(
        "content:write", "/v1/content/increment/abort_respawn_count/s", {"by": 1}
    ),
    ("v1/triage/export", "GET"): Call("triage:write", "/v1/triage/export"),
    ("v1/triage/import", "POST"): Call(
        "triage:write", "/v1/triage/import", {"format": "enhancelog-triage", "version": 1}
    ),
    ("v1/audit", "GET"): Call("audit:read", "/v1/audit"),
    ("v1/deliveries", "GET"): Call("triage:write", "/v1/deliveries", users_too=True),
    ("v1/deliveries/retry/<id:delivery_id>", "POST"): Call(
        "triage:write", "/v1/deliveries/retry/nothing", status=404, users_too=True
    ),
    ("metrics", "GET"): Call("log:read", "/metrics"),
}

PLAIN_VIEWS: Final = {"v1/enhance/log/": ["GET"]}
"""Routes that are functions, with the methods worth a row."""

PAGES: Final = {"v1/docs/"}
"""For people: sessions open them, and who has none is sent to sign in."""


class Caller(NamedTuple):
    """``scopes``: what they may do; ``known``: not 401; ``refused``: brought a token that is not in force; ``is_user``:
    is signed in, and brought none."""

    client: Client
    headers: dict[str, str]
    scopes: frozenset[str]
    known: bool = True
    refused: bool = False
    is_user: bool = False

    @property
    def may_have_alerts(self) -> bool:
        """Users have some of their own; tokens need the scope for those of all."""
        return "triage:write" in self.scopes or (bool(self.scopes) and not self.headers)

    def call(self, method: str, call: Call) -> Any:
        body = b"" if call.body is None else json.dumps(call.body).encode()
        return self.client.generic(method, call.path, body, "application/json", headers=self.headers)

    def expected(self, call: Call, public: bool) -> int:
        if call.scope is None:
            return call.status
        if self.refused:
            return 401
        if self.is_user and call.users_too:
            return call.status
        if self.may_have_alerts and call.scope == "alerts:own":
            return call.status
        if call.scope in self.scopes or (public and call.scope in api_tokens.READ_SCOPES):
            return call.status
        return 403 if self.known else 401


@pytest.fixture
def callers() -> dict[str, Caller]:
    staff = User.objects.create(username="ada", is_staff=True)
    plain = User.objects.create(username="bob")
    gone = User.objects.create(username="eve", is_active=False, is_staff=True)
    reading = frozenset(api_tokens.READ_SCOPES)
    found = {
        "anonymous": Caller(Client(), {}, frozenset(), known=False),
        "another scheme": Caller(Client(), {"Authorization": "Basic YWRhOngK"}, frozenset(), known=False),
        "plain user": Caller(signed_in(plain), {}, reading, is_user=True),
        "staff": Caller(signed_in(staff), {}, frozenset([*api_tokens.SCOPES, "audit:read"]), is_user=True),
        "inactive user": Caller(signed_in(gone), {}, frozenset(), known=False),
        "expired": refused(Client(), token(staff, *api_tokens.SCOPES, change={"expiry": datetime.now(UTC)})),
        "revoked": refused(Client(), token(staff, *api_tokens.SCOPES, change={"revoked": datetime.now(UTC)})),
        "owner inactive": refused(Client(), token(gone, *api_tokens.SCOPES)),
        "unknown": refused(Client(), "enh_" + 64 * "0"),
        "malformed": refused(Client(), "enh_é…\x7f x"),
        "empty": refused(Client(), ""),
        "staff with a revoked token": refused(
            signed_in(staff), token(staff, *api_tokens.SCOPES, change={"revoked": datetime.now(UTC)})
        ),
    }
    for scope in api_tokens.SCOPES:
        for owner in (staff, plain):
            headers = {"Authorization": f"Bearer {token(owner, scope)}"}
            found[f"{owner}'s {scope}"] = Caller(Client(), headers, frozenset([scope]))
        headers = {"Authorization": f"bearer {token(plain, scope)}"}
        found[f"staff with {scope}"] = Caller(signed_in(staff), headers, frozenset([scope]))
    return found


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def token(owner: User, *scopes: str, change: dict[str, Any] | None = None) -> str:
    name = f"{owner} {' '.join(scopes)} {Token.objects.count()}"
    made, secret = api_tokens.make(api_tokens.Wanted(name, scopes), owner, made_by="test")
    Token.objects.filter(pk=made.pk).update(**change or {"expiry": datetime.now(UTC) + timedelta(days=1)})
    return secret


def refused(client: Client, secret: str) -> Caller:
    header = f"Bearer {secret}".encode().decode("latin-1")
    return Caller(client, {"Authorization": header}, frozenset(), refused=True)


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif route.startswith(("v1/", "metrics")) and route not in PAGES:
            yield route, pattern


def methods(route: str, pattern: URLPattern) -> list[str]:
    view = getattr(pattern.callback, "cls", None)
    if view is None:
        return PLAIN_VIEWS.get(route, ["ANY"])
    return [name.upper() for name in view.http_method_names if name not in ("head", "options") and hasattr(view, name)]


def test_every_route_and_method_is_in_the_matrix() -> None:
    found = {
        (route, method) for route, pattern in routes(get_resolver().url_patterns) for method in methods(route, pattern)
    }
    assert found == set(ROUTES)


@pytest.mark.parametrize("public", [False, True], ids=["private", "public"])
@pytest.mark.parametrize(("route", "method"), ROUTES, ids=lambda part: str(part))
def test_each_caller_gets_what_the_table_says(
    route: str, method: str, public: bool, callers: dict[str, Caller], settings: Settings
) -> None:
    settings.PUBLIC_READ = public
    settings.EVIDENCE_KEY = KEY.secret_text
    open_store(SETUP).append(make_entry())
    evidence.step([KEY])
    open_content(SETUP).write("s", "merge_success", "yes")
    call = ROUTES[route, method]
    answers = {name: answer(caller, method, call) for name, caller in callers.items()}
    assert {name: response.status_code for name, response in answers.items()} == {
        name: caller.expected(call, public) for name, caller in callers.items()
    }
    for response in answers.values():
        check_refusal(response, call)


def answer(caller: Caller, method: str, call: Call) -> Any:
    """The response; what it changed is undone."""
    with transaction.atomic():
        response = caller.call(method, call)
        if response.streaming:
            list(response)
        transaction.set_rollback(True)
    return response


def check_refusal(response: Any, call: Call) -> None:
    if response.status_code in (401, 403):
        assert response["Content-Type"] == "application/problem+json"
    if response.status_code == 401:
        assert response["WWW-Authenticate"].startswith('Bearer realm="Enhancelog"')
    if response.status_code == 403:
        assert call.scope in response.json()["detail"]


def test_a_bad_token_is_told_apart_from_none(callers: dict[str, Caller]) -> None:
    call = ROUTES["v1/enhance/log", "GET"]
    assert "error" not in callers["anonymous"].call("GET", call)["WWW-Authenticate"]
    answered = callers["expired"].call("GET", call)
    assert 'error="invalid_token"' in answered["WWW-Authenticate"]
    assert answered.json()["detail"] == "This token has expired."


def test_pages_under_the_api_open_for_readers(callers: dict[str, Caller]) -> None:
    for page in PAGES:
        assert callers["plain user"].client.get(f"/{page}").status_code == 200


def test_tokens_do_not_open_pages(callers: dict[str, Caller]) -> None:
    owner = callers["ada's log:read"]
    for path in ("/", "/account/tokens", "/content/", *(f"/{page}" for page in PAGES)):
        response = owner.client.get(path, headers=owner.headers)
        assert response.status_code == 302
        assert response["Location"].startswith("/account/sign-in")
