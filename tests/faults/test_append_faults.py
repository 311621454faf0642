"""Connections that die around COMMIT: nothing acknowledged is lost, and nothing is said that is not so."""

import random
from collections.abc import Callable

import psycopg
import pytest
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from enhancelog.domain.errors import Conflict, Other
from enhancelog.domain.origin import Origin
from enhancelog.store import writing
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from enhancelog.store.verification import verify
from tests.factories import make_entry

pytestmark = pytest.mark.django_db(transaction=True)

Fate = Callable[[], str]


@pytest.fixture
def store() -> DatabaseEnhanceLogStore:
    return DatabaseEnhanceLogStore(Origin("command", "test", "api"))


def sever(wrapper: BaseDatabaseWrapper) -> None:
    """End the connection as a restarting server does; SQLite has none, its COMMIT just fails."""
    if wrapper.vendor != "postgresql":
        return
    info = wrapper.connection.info
    dsn = psycopg.conninfo.make_conninfo(info.dsn, password=info.password)
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [info.backend_pid])


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fate], None]:
    """Decide for every COMMIT: ``fine``, lost ``before`` it is sent, or its answer lost ``after`` it was done."""
    wrapper_class = type(connections["default"])
    real = wrapper_class._commit  # type: ignore[attr-defined]

    def meet(fate: Fate) -> None:
        def commit(wrapper: BaseDatabaseWrapper) -> None:
            decided = fate()
            if decided == "before":
                sever(wrapper)
                if wrapper.vendor == "sqlite":
                    raise OperationalError("disk I/O error")
            real(wrapper)
            if decided == "after":
                sever(wrapper)
                raise OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(wrapper_class, "_commit", commit)

    return meet


@pytest.mark.slow
def test_a_hundred_commits_die_and_every_append_is_stored_once(
    store: DatabaseEnhanceLogStore, commits: Callable[[Fate], None]
) -> None:
    chance = random.Random(20261122)
    deaths = 0

    def fate() -> str:
        nonlocal deaths
        decided = chance.choice(["fine", "before", "after"]) if deaths < 100 else "fine"
        deaths += decided != "fine"
        return decided

    commits(fate)
    entries = [make_entry(issue_id=str(number)) for number in range(120)]
    for entry in entries:
        store.append(entry)
    assert deaths == 100
    assert [stored.issue_id for stored in store.list_all()] == [entry.issue_id for entry in entries]
    assert list(verify()) == []


def test_a_retry_never_takes_somebody_elses_entry_for_its_own(
    store: DatabaseEnhanceLogStore, commits: Callable[[Fate], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fates = iter(["before"])
    commits(lambda: next(fates, "fine"))
    monkeypatch.setattr("enhancelog.store.group.random.uniform", lambda low, high: other_writes_first())

    def other_writes_first() -> float:
        DatabaseEnhanceLogStore(Origin("command", "other", "api")).append(make_entry())
        return 0.01

    with pytest.raises(Conflict) as conflict:
        store.append(make_entry())
    assert conflict.value.identical


def test_a_database_that_stays_away_is_other_after_a_while(
    store: DatabaseEnhanceLogStore, commits: Callable[[Fate], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "APPEND_PATIENCE_S", 0.3)
    commits(lambda: "before")
    with pytest.raises(Other):
        store.append(make_entry())
    assert last_position() == 0


def test_a_batch_that_dies_after_commit_is_all_created(
    store: DatabaseEnhanceLogStore, commits: Callable[[Fate], None]
) -> None:
    store.append(make_entry(issue_id="known"))
    fates = iter(["after"])
    commits(lambda: next(fates, "fine"))
    outcomes = store.append_batch([make_entry(issue_id=name) for name in ("a", "known", "b")])
    assert [outcome.result for outcome in outcomes] == ["created", "identical", "created"]
    assert last_position() == 3
