"""Agents report runs that they did not finish."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.models import UnfinishedRun
from enhancelog.queries.version import log_version
from enhancelog.store import host_derivation
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.factories import HASHES, make_entry
from tests.recording import record

pytestmark = pytest.mark.django_db

OPS = [{"op": "add", "path": "/a", "value": 1}]


@pytest.fixture
def staff(settings: Any) -> User:
    settings.PUBLIC_READ = True
    return User.objects.create_user("ada", is_staff=True)


def token(owner: User, *blueprints: str, name: str = "ci") -> str:
    _, secret = api_tokens.make(api_tokens.Wanted(name, ("log:append",), None, blueprints), owner, owner.username)
    return secret


def put(secret: str, answered: int, /, path: str = "u-1", **changes: Any) -> Any:
    body = {"issue_id": "u-1", "blueprint_id": "main", "status": "pending"} | changes
    response = Client().put(
        f"/v1/enhance/unfinished/{path}",
        json.dumps(body),
        "application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == answered, response.content
    return response.json()


def get(issue_id: str = "u-1") -> Any:
    return Client().get(f"/v1/enhance/unfinished/{issue_id}").json()


def test_a_report_is_kept_and_the_next_one_takes_its_place(staff: User) -> None:
    secret = token(staff)
    first = put(secret, 201, intent="cite the line", ts_ms=1_795_000_000_000, ops=OPS, candidate_hash=HASHES[3])
    assert (first["status"], first["cause"], first["ops"], first["candidate_hash"]) == ("pending", None, OPS, HASHES[3])
    second = put(secret, 200, status="died", reason="out of memory", not_before_ms=1, not_after_ms=2, source="agents")
    assert second == get()
    assert (second["status"], second["cause"], second["source"]) == ("died", "other", "agents")
    assert (second["ts_ms"], second["not_before_ms"], second["not_after_ms"]) == (None, 1, 2)
    assert [change["status"] for change in second["changes"]] == ["pending", "died"]


def test_repeating_a_report_changes_nothing(staff: User) -> None:
    secret = token(staff)
    assert put(secret, 201) == put(secret, 200)


@pytest.mark.parametrize(
    "correction",
    [
        {"ts_ms": 1_795_000_000_001},
        {"intent": "Cite the line"},
        {"intent": "say less"},
        {"ops": [{"op": "remove", "path": "/a"}]},
        {"candidate_hash": HASHES[4]},
        {"source": "agents"},
    ],
)
def test_a_correction_is_no_change_of_status_but_of_what_pages_show(staff: User, correction: dict[str, Any]) -> None:
    secret = token(staff)
    said: Any = {"intent": "cite the line", "ts_ms": 1_795_000_000_000, "ops": OPS, "candidate_hash": HASHES[3]}
    first, version = put(secret, 201, **said), log_version()
    second = put(secret, 200, **said | correction)
    assert second["changes"] == first["changes"]
    assert second | correction == second
    assert log_version() != version


def test_the_same_report_again_leaves_pages_as_they_are(staff: User) -> None:
    secret = token(staff)
    put(secret, 201, ops=OPS)
    version = log_version()
    put(secret, 200, ops=OPS)
    assert log_version() == version


def test_the_cause_is_that_of_the_reason_unless_given(staff: User) -> None:
    secret = token(staff)
    reason = "dispatch failed: blueprint store: head ref empty"
    assert put(secret, 201, status="died", reason=reason)["cause"] == "unknown_blueprint"
    assert put(secret, 200, status="died", reason=reason, cause="spawner")["cause"] == "spawner"


def test_a_run_with_an_entry_is_409(staff: User) -> None:
    record(make_entry(issue_id="u-1"))
    assert "finished" in put(token(staff), 409)["detail"]
    assert not UnfinishedRun.objects.exists()


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_run_is_resolved_when_its_entry_comes(staff: User, rebuilt: bool) -> None:
    put(token(staff), 201, status="died", reason="gone")
    record(make_entry(issue_id="u-1"))
    if rebuilt:
        rebuild_projections()
    else:
        host_derivation.settle()
    found = get()
    assert [change["status"] for change in found["changes"]] == ["died", "resolved"]
    assert found["reason"] == "gone"
    assert not [*verify()]
    put(token(staff, name="late"), 409)


def test_a_token_reports_runs_of_its_own_blueprints(staff: User) -> None:
    limited = token(staff, "main", name="limited")
    put(limited, 201)
    put(limited, 403, blueprint_id="other")
    put(token(staff), 200, blueprint_id="other")
    put(limited, 403)  # would take it from the other Blueprint
    assert get()["blueprint_id"] == "other"


def test_the_page_says_who_reported_a_run(staff: User) -> None:
    put(token(staff), 201, status="died", reason="gone")
    words = Client().get("/unfinished/u-1").content.decode()
    assert "token ci" in words


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issue_id": "u-2"}, "issue_id"),
        ({"blueprint_id": 7}, "blueprint_id"),
        ({"status": "sleeping"}, "status"),
        ({"cause": "boredom", "status": "died"}, "cause"),
        ({"cause": "spawner"}, "cause"),
        ({"ts_ms": 1, "not_before_ms": 1}, "ts_ms"),
        ({"not_before_ms": 2, "not_after_ms": 1}, "not_after_ms"),
        ({"ts_ms": 2**63}, "ts_ms"),
        ({"ops": [{"op": "add", "path": "a", "value": 1}]}, "ops[0].path"),
        ({"intent": "\0"}, "intent"),
        ({"source": ""}, "source"),
        ({"status": "died", "reason": "x" * 10_001}, "reason"),
    ],
)
def test_a_bad_report_names_its_field(staff: User, changes: dict[str, Any], field: str) -> None:
    (error,) = put(token(staff), 400, **changes)["errors"]
    assert error["field"] == field
    assert not UnfinishedRun.objects.exists()
