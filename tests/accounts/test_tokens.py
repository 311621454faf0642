"""Tokens: made, stored as a digest, judged, limited, noted as used, revoked."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from content.models import ContentRevision
from enhancelog.accounts import api_tokens
from enhancelog.accounts.api_tokens import Wanted
from enhancelog.domain.errors import Invalid
from enhancelog.models import Entry, Token
from tests.factories import make_fields

LOG = "/v1/enhance/log"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def owner() -> User:
    return User.objects.create(username="ada", is_staff=True)


@pytest.fixture(autouse=True)
def nothing_noted_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_tokens, "_touched", {})


def make(owner: User, *scopes: str, name: str = "ci", **wanted: Any) -> tuple[Token, dict[str, str]]:
    token, secret = api_tokens.make(Wanted(name, scopes or api_tokens.SCOPES, **wanted), owner, made_by="test")
    return token, {"Authorization": f"Bearer {secret}"}


def append(client: Client, headers: dict[str, str], **changes: Any) -> Any:
    return client.post(LOG, json.dumps(make_fields(**changes)), content_type="application/json", headers=headers)


def put(client: Client, headers: dict[str, str], kind: str, value: str = "1") -> Any:
    body = json.dumps({"value": value})
    path = f"/v1/content/kinds/{kind}/s"
    return client.put(path, body, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_the_secret_is_readable_and_nowhere_in_the_database(owner: User) -> None:
    token, secret = api_tokens.make(Wanted("ci", ["log:read"]), owner, made_by="test")
    assert secret.startswith("enh_")
    assert len(secret) == 68
    stored = json.dumps(list(Token.objects.values()), default=str)
    assert secret[:15] in stored
    assert secret[15:] not in stored
    assert api_tokens.present(secret) == token


@pytest.mark.django_db
def test_secrets_differ(owner: User) -> None:
    secrets = {api_tokens.make(Wanted(str(n), ["log:read"]), owner, made_by="test")[1] for n in range(20)}
    assert len(secrets) == 20


@pytest.mark.django_db
def test_a_name_means_one_token_at_a_time(owner: User) -> None:
    token, _ = make(owner)
    with pytest.raises(Invalid, match="name: is taken") as raised:
        make(owner)
    assert raised.value.rule == "unique"
    api_tokens.revoke(token, "test")
    again, _ = make(owner)
    assert again.pk != token.pk


@pytest.mark.django_db
def test_revoking_twice_keeps_the_first_moment(owner: User) -> None:
    token, _ = make(owner)
    api_tokens.revoke(token, "test")
    first = Token.objects.get().revoked
    api_tokens.revoke(token, "test")
    assert Token.objects.get().revoked == first is not None


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"name": ""}, "name", "length"),
        ({"name": " ci"}, "name", "length"),
        ({"name": "x" * 81}, "name", "length"),
        ({"name": "a\nb"}, "name", "text"),
        ({"name": "a\x00b"}, "name", "text"),
        ({"name": "a\u202eb"}, "name", "text"),
        ({"name": "a\ud800b"}, "name", "text"),
        ({"scopes": []}, "scopes", "required"),
        ({"scopes": ["log:*"]}, "scopes", "choice"),
        ({"scopes": ["log:read", "admin"]}, "scopes", "choice"),
        ({"expiry": NOW}, "expiry", "past"),
        ({"write_blueprints": ["a\x00*"]}, "write_blueprints", "text"),
        ({"write_blueprints": ["a\ud800"]}, "write_blueprints", "text"),
        ({"write_blueprints": ["a" * 513]}, "write_blueprints", "id-length"),
        ({"write_blueprints": ["a"] * 101}, "write_blueprints", "count"),
        ({"write_kinds": ["stories"]}, "write_kinds", "kind"),
        ({"write_kinds": ["x*"]}, "write_kinds", "kind"),
        ({"write_kinds": ["story"], "scopes": ["content:read"]}, "write_kinds", "no-effect"),
        ({"write_blueprints": ["main"], "scopes": ["content:write"]}, "write_blueprints", "no-effect"),
    ],
)
def test_what_a_token_cannot_be_is_named(changes: dict[str, Any], field: str, rule: str) -> None:
    fine: dict[str, Any] = {"name": "ci", "scopes": api_tokens.SCOPES}
    with pytest.raises(Invalid) as raised:
        api_tokens.check(Wanted(**fine | changes), NOW)
    assert raised.value.field == field
    if rule != "text":  # who refuses a text names the reason
        assert raised.value.rule == rule


@pytest.mark.parametrize("name", ["ci", "日本 agent", "<script>alert(1)</script>", "'; DROP TABLE--", "ünï 🤖"])
def test_any_printable_name_is_fine(name: str) -> None:
    api_tokens.check(Wanted(name, ["log:read"]), NOW)


def test_only_staff_give_write_scopes() -> None:
    with pytest.raises(Invalid, match="only by staff"):
        api_tokens.check(Wanted("ci", ["log:append"]), NOW, api_tokens.READ_SCOPES)


@pytest.mark.parametrize(
    ("limits", "value", "allowed"),
    [
        ([], "anything", True),
        (["main"], "main", True),
        (["main"], "main2", False),
        (["main"], "", False),
        ([""], "", True),
        ([""], "main", False),
        (["*"], "", True),
        (["team-*"], "team-", True),
        (["team-*"], "Team-a", False),
        (["team-*", "main"], "main", True),
        (["a*b*"], "a*bc", True),
        (["a*b*"], "axbc", False),
        (["日*"], "日本", True),
    ],
)
def test_limits_are_exact_or_beginnings(limits: Sequence[str], value: str, allowed: bool) -> None:
    assert api_tokens.permits(limits, value) is allowed


@pytest.mark.parametrize(
    ("text", "expiry"),
    [
        ("", None),
        ("90d", NOW + timedelta(days=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("4w", NOW + timedelta(weeks=4)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
    ],
)
def test_expiry_is_an_age_or_a_day(text: str, expiry: datetime | None) -> None:
    assert api_tokens.expiry_from(text, NOW) == expiry


@pytest.mark.parametrize("text", ["never", "90", "90 d", "2027-02-30", "99999d", "٩d", "9999w9", "2027-01-31T00:00"])
def test_expiry_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(Invalid, match=r"^expiry: "):
        api_tokens.expiry_from(text, NOW)


@pytest.mark.django_db
def test_what_a_token_writes_carries_its_name(client: Client, owner: User) -> None:
    _, headers = make(owner, name="agent <7>")
    assert append(client, headers).status_code == 201
    assert put(client, headers, "abort_respawn_count").status_code in (200, 201)
    entry = Entry.objects.get()
    assert (entry.actor_kind, entry.actor_name, entry.source) == ("token", "agent <7>", "api")
    revision = ContentRevision.objects.get()
    assert (revision.actor_kind, revision.actor_name) == ("token", "agent <7>")


@pytest.mark.django_db
def test_what_a_session_writes_carries_the_users_name(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert append(client, {}).status_code == 201
    assert Entry.objects.values_list("actor_kind", "actor_name").get() == ("user", "ada")


@pytest.mark.django_db
def test_a_blueprint_limit_is_kept_on_every_way_to_append(client: Client, owner: User) -> None:
    _, headers = make(owner, write_blueprints=["team-*", "main"])
    assert append(client, headers, issue_id="a", blueprint_id="team-a").status_code == 201
    refused = append(client, headers, issue_id="b", blueprint_id="other")
    assert refused.status_code == 403
    assert refused.json()["detail"] == 'This token may write only to the Blueprints "team-*", "main", not to "other".'
    body = json.dumps(make_fields(issue_id="b", blueprint_id="other"))
    again = client.put(f"{LOG}/b", body, content_type="application/json", headers=headers)
    assert again.status_code == 403
    lines = client.post(LOG, body + "\n", content_type="application/x-ndjson", headers=headers)
    assert b'"invalid"' in b"".join(lines)
    array = client.post(LOG, f"[{body}]", content_type="application/json", headers=headers)
    assert b'"invalid"' in b"".join(array)
    assert list(Entry.objects.values_list("issue_id", flat=True)) == ["a"]
    assert client.get(f"{LOG}?blueprint_id=other", headers=headers).status_code == 200


@pytest.mark.django_db
def test_a_kind_limit_is_kept_on_every_way_to_write(client: Client, owner: User) -> None:
    _, headers = make(owner, write_kinds=["commit_recovery_*", "story"])
    assert put(client, headers, "story").status_code in (200, 201)
    assert put(client, headers, "commit_recovery_total_attempts").status_code in (200, 201)
    refused = put(client, headers, "gate_output")
    assert refused.status_code == 403
    assert '"commit_recovery_*"' in refused.json()["detail"]
    beyond: list[tuple[str, str, Any]] = [
        ("DELETE", "/v1/content/kinds/gate_output/s", None),
        ("POST", "/v1/content/take/merge_success/s", None),
        ("POST", "/v1/content/increment/abort_respawn_count/s", {"by": 1}),
        ("POST", "/v1/content/import?merge=1", {"s:gate_output": "x"}),
    ]
    for method, path, body in beyond:
        data = b"" if body is None else json.dumps(body).encode()
        assert client.generic(method, path, data, "application/json", headers=headers).status_code == 403, path
    assert client.get("/v1/content/stories/s", headers=headers).status_code == 200


@pytest.mark.django_db
def test_use_is_noted_once_an_hour(client: Client, owner: User) -> None:
    token, headers = make(owner)
    assert Token.objects.get().last_used is None
    assert client.get(LOG, headers=headers).status_code == 200
    noted = Token.objects.get().last_used
    assert noted is not None
    api_tokens._touched.clear()  # another process
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(LOG, headers=headers)
    assert not [query for query in queries if query["sql"].startswith("UPDATE")]
    long_ago = noted - timedelta(hours=2)
    Token.objects.filter(pk=token.pk).update(last_used=long_ago)
    client.get(LOG, headers=headers)
    assert Token.objects.get().last_used > long_ago


@pytest.mark.django_db
def test_reading_goes_on_when_the_use_cannot_be_noted(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, headers = make(owner)
    tries = []

    def fail(*args: Any, **kwargs: Any) -> int:
        tries.append(1)
        raise DatabaseError("database is locked")

    monkeypatch.setattr("django.db.models.query.QuerySet.update", fail)
    assert [client.get(LOG, headers=headers).status_code for _ in range(3)] == [200, 200, 200]
    assert len(tries) == 1


@pytest.mark.django_db
def test_a_refused_token_is_not_noted_as_used(client: Client, owner: User) -> None:
    token, headers = make(owner)
    api_tokens.revoke(token, "test")
    assert client.get(LOG, headers=headers).status_code == 401
    assert Token.objects.get().last_used is None


@pytest.mark.django_db
def test_one_owner_has_a_bounded_number_of_tokens(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_tokens, "MAX_OWNED", 1)
    token, _ = make(owner)
    with pytest.raises(Invalid, match="revoke some first"):
        make(owner, name="more")
    api_tokens.revoke(token, "test")
    make(owner, name="more")


@pytest.mark.django_db
def test_tokens_end_with_their_owner(client: Client, owner: User) -> None:
    _, headers = make(owner)
    owner.delete()
    assert client.get(LOG, headers=headers).status_code == 401
