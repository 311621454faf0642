"""Alerts over HTTP: made with a secret that is shown once, changed, tested and deleted, within one's rights."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Delivery, SavedView, VerifiedAddress
from tests.alerts.making import HOOK, make_rule, reader, staff

pytestmark = pytest.mark.django_db

ALERTS = "/v1/alerts"
NEW = {
    "name": "writer is rejected",
    "event": "rate.high",
    "channel": "webhook",
    "url": HOOK,
    "options": {"percent": 60},
}


def of_token(owner: User, *scopes: str) -> dict[str, str]:
    _, secret = api_tokens.make(api_tokens.Wanted("ci", scopes), owner, owner.username)
    return {"Authorization": f"Bearer {secret}"}


def of_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def sent(method: str, path: str, answered: int, body: Any = None, client: Client | None = None, **headers: Any) -> Any:
    data = b"" if body is None else json.dumps(body).encode()
    response = (client or Client()).generic(method, path, data, "application/json", headers=headers.get("headers"))
    assert response.status_code == answered, response.content
    return response


def test_a_token_makes_changes_tests_and_deletes() -> None:
    headers = of_token(staff().user, "triage:write")
    view = SavedView.objects.create(user=staff().user, name="writer", url="/rejections/?blueprint_id=writer")
    response = sent("POST", ALERTS, 201, NEW | {"view": view.pk}, headers=headers)
    made = response.json()
    assert response["Cache-Control"] == "no-store"
    assert response["Location"] == f"{ALERTS}/{made['id']}"
    assert made["secret"].startswith("whsec_")
    assert made["view"] == {"id": view.pk, "name": "writer", "url": "/rejections/?blueprint_id=writer"}
    assert made["options"] == {"runs": 100, "percent": 60, "twice": False}
    path = response["Location"]
    shown = sent("GET", path, 200, headers=headers).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert sent("GET", ALERTS, 200, headers=headers).json() == [shown]
    changed = sent("PATCH", path, 200, {"name": "other", "on": False, "view": None}, headers=headers).json()
    assert (changed["name"], changed["on"], changed["off_why"], changed["secret"]) == (
        "other",
        False,
        "switched off by ci",
        "",
    )
    assert changed["view"] is None
    sent("POST", f"{ALERTS}/test/{made['id']}", 400, headers=headers)
    sent("PATCH", path, 200, {"on": True}, headers=headers)
    rotated = sent("PATCH", path, 200, {"rotate_secret": True}, headers=headers).json()
    assert rotated["secret"] not in ("", made["secret"])
    message = sent("POST", f"{ALERTS}/test/{made['id']}", 202, headers=headers).json()
    assert Delivery.objects.get().pk == message["id"]
    sent("DELETE", path, 204, headers=headers)
    sent("GET", path, 404, headers=headers)


def test_the_field_that_is_wrong_is_named() -> None:
    headers = of_token(staff().user, "triage:write")
    for body, field in (
        (NEW | {"options": {"percent": 60, "color": 1}}, "options.color"),
        (NEW | {"event": "weather"}, "event"),
        (NEW | {"name": ""}, "name"),
        ([], ""),
    ):
        problem = sent("POST", ALERTS, 400, body, headers=headers).json()
        assert problem["errors"][0]["field"] == field


def test_a_user_has_own_alerts_to_own_addresses() -> None:
    bob, ada = (of_user(actor.user) for actor in (reader(), staff()))
    VerifiedAddress.objects.create(user=reader().user, address="bob@example.org", verified_ms=now_ms())
    sent("POST", ALERTS, 403, NEW, bob)
    own = NEW | {"channel": "email", "url": None, "address": "bob@example.org"}
    made = sent("POST", ALERTS, 201, own, bob).json()
    assert (made["owner"], made["secret"], made["address"], made["url"]) == ("bob", "", "bob@example.org", None)
    other = make_rule("entry.rejected")
    assert [each["id"] for each in sent("GET", ALERTS, 200, client=bob).json()] == [made["id"]]
    assert {each["id"] for each in sent("GET", ALERTS, 200, client=ada).json()} == {made["id"], other.pk}
    sent("PATCH", f"{ALERTS}/{other.pk}", 404, {"on": False}, bob)
    sent("DELETE", f"{ALERTS}/{other.pk}", 404, client=bob)
    assert Alert.objects.count() == 2


def test_readers_see_no_alerts(settings: Any) -> None:
    settings.PUBLIC_READ = True
    sent("GET", ALERTS, 401)
    sent("GET", ALERTS, 403, headers=of_token(staff().user, "log:read"))


def test_a_change_may_name_the_version_that_it_is_of() -> None:
    headers = of_token(staff().user, "triage:write")
    path = f"{ALERTS}/{make_rule('entry.rejected').pk}"
    first = sent("PATCH", path, 200, {"name": "a"}, headers=headers | {"If-Match": '"1"'}).json()
    assert (first["name"], first["version"]) == ("a", 2)
    refused = sent("PATCH", path, 412, {"name": "b", "rotate_secret": True}, headers=headers | {"If-Match": '"1"'})
    assert "which is 2" in refused.json()["detail"]
    assert sent("GET", path, 200, headers=headers).json()["name"] == "a"
    assert sent("PATCH", path, 200, {"name": "c"}, headers=headers | {"If-Match": "*"}).json()["version"] == 3
    sent("PATCH", path, 400, {"name": "d"}, headers=headers | {"If-Match": "3"})


def test_of_a_slack_address_only_the_host_is_shown() -> None:
    headers = of_token(staff().user, "triage:write")
    secret = "https://1.1.1.1/services/T0/B0/secret?a=b"
    made = sent("POST", ALERTS, 201, NEW | {"channel": "slack", "url": secret}, headers=headers).json()
    path = f"{ALERTS}/{made['id']}"
    for shown in (
        made,
        sent("GET", path, 200, headers=headers).json(),
        sent("GET", ALERTS, 200, headers=headers).json()[0],
    ):
        assert shown["url"] == "https://1.1.1.1/…"
    sent("PATCH", path, 200, {"url": made["url"], "name": "other"}, headers=headers)  # an answer that came back
    assert Alert.objects.get().address == secret
    sent("PATCH", path, 200, {"url": "https://1.1.1.1/new"}, headers=headers)
    assert Alert.objects.get().address == "https://1.1.1.1/new"
