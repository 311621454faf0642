"""Readiness tells the truth about database, migrations and triggers, to anybody, and no more than that."""

import json

import pytest
from django.db import DatabaseError, InterfaceError, connection
from django.test import Client

from enhancelog import __version__
from enhancelog.maintenance import integrity, upgrade
from tests.conftest import entries_unprotected

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_seen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_migrated", set())


def test_ready_when_all_is_in_order(client: Client) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies


def test_live_asks_no_database(client: Client, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert client.get("/health/live").status_code == 200


def test_readiness_is_cheap_once_it_was_ready(client: Client, django_assert_num_queries) -> None:
    client.get("/health/ready")
    with django_assert_num_queries(3):
        client.get("/health/ready")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_only_read(path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    refusal = client.post(path)
    assert (refusal.status_code, refusal["Allow"]) == (405, "GET, HEAD")
    assert client.head(path).status_code == 200


def test_not_ready_while_migrations_are_pending(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'enhancelog'")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    (problem,) = answer.json()["problems"]
    assert problem == f"The database is at release {__version__}."


def test_not_ready_without_a_trigger_and_ready_again_with_it(client: Client) -> None:
    with entries_unprotected():
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert "enhancelog_entry_no_" in answer.json()["problems"][0]
    assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("kind", [DatabaseError, InterfaceError])
def test_not_ready_says_nothing_of_how_the_database_failed(
    client: Client, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fails() -> list[str]:
        raise kind("password authentication failed for user hunter2")

    monkeypatch.setattr(upgrade, "pending", fails)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "hunter2" not in json.dumps(answer.json())
