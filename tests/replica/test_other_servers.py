"""A replica that is none, or no longer: reads go to the primary, and the operator is told why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from enhancelog import backends
from enhancelog.backends import reading
from enhancelog.maintenance import replica_status, status
from tests import standbys
from tests.factories import make_entry
from tests.recording import record
from tests.replica.conftest import NAME, default_is
from tests.standbys import Pair, Server
from tests.waiting import wait_for

LOG = "/v1/enhance/log"


def read_from(url: str, settings: Any) -> None:
    reading.forget()
    settings.READ_DATABASE = backends.replica_from_url(url, connections.settings["default"])


def problem() -> str:
    found = replica_status.look(None)
    assert found
    return found.problem


def test_an_up_to_date_replica_has_no_problem(replicated: Pair) -> None:
    record(make_entry(issue_id="in-time"))
    replicated.wait_until_equal()
    found = status.look()
    assert found.replica
    assert found.positions
    assert (found.replica.problem, found.replica.behind, found.replica.behind_s) == ("", 0, 0.0)
    assert found.replica.position == found.positions.log
    assert not [each for each in found.problems if each.code.startswith("replica")]


def test_a_late_replica_is_a_problem_with_its_lag(replicated: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.maintenance.database_problems.LATE_REPLICA_S", 0)
    replicated.wait_until_equal()
    replicated.pause()
    try:
        record(make_entry(issue_id="late-1"))
        record(make_entry(issue_id="late-2"))
        found = status.look()
        assert found.replica
        assert found.replica.behind == 2
        assert found.replica.behind_s
        assert found.replica.behind_s > 0
        (late,) = [each for each in found.problems if each.code == "replica-behind"]
        assert "2 entries" in late.text
    finally:
        replicated.resume()


def test_a_standby_that_appends_wait_for_in_vain_is_a_problem(replicated: Pair) -> None:
    def waits_for() -> str:
        return status.look().database.waits_for

    primary = replicated.primary
    assert waits_for() == ""
    with changed(primary, "synchronous_standby_names", "'db9'"):
        wait_for(lambda: waits_for() == "db9")
        codes = [each.code for each in status.look().problems]
        assert "no-synchronous-standby" in codes
    with changed(primary, "synchronous_standby_names", "'walreceiver'"):  # a standby without another name
        wait_for(lambda: primary.execute("SELECT sync_state FROM pg_stat_replication") == ("sync",))
        assert waits_for() == ""


@contextmanager
def changed(server: Server, setting: str, value: str) -> Iterator[None]:
    server.execute(f"ALTER SYSTEM SET {setting} = {value}")
    server.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        server.execute(f"ALTER SYSTEM RESET {setting}")
        server.execute("SELECT pg_reload_conf()")


def test_another_cluster_is_refused(replicated: Pair, client: Client, settings: Any) -> None:
    with standbys.other_cluster() as other:
        other.execute(f"CREATE DATABASE {NAME}")
        read_from(f"{other.url(NAME)}&target_session_attrs=any", settings)
        assert "promoted" in problem()
        record(make_entry(issue_id="elsewhere"))
        assert client.get(f"{LOG}/elsewhere").status_code == 200


def test_another_database_of_the_same_cluster_is_refused(replicated: Pair, settings: Any) -> None:
    read_from(replicated.standby.url("postgres"), settings)
    assert "another log" in problem()


def test_the_primary_itself_is_refused(replicated: Pair, settings: Any) -> None:
    read_from(f"{replicated.primary.url(NAME)}&application_name=other&port=5432", settings)
    assert "standby" in problem()


def test_nobody_there_is_one_line_without_a_password(replicated: Pair, settings: Any) -> None:
    read_from(f"postgresql://reader:hidden@127.0.0.1:1/{NAME}", settings)
    assert problem()
    assert "hidden" not in repr(status.look())
    assert "\n" not in problem()


def test_of_several_hosts_one_that_answers_is_used(replicated: Pair, client: Client, settings: Any) -> None:
    read_from(f"postgresql://postgres@127.0.0.1:1,/{NAME}?host=127.0.0.1,{replicated.standby.socket}", settings)
    assert not problem()


@pytest.mark.slow
def test_one_that_was_promoted_is_not_read(django_db_blocker: Any, settings: Any, client: Client) -> None:
    with standbys.pair() as own, django_db_blocker.unblock():
        own.primary.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        own.wait_until_equal()
        with default_is(own.primary.url(NAME)):
            try:
                read_from(own.standby.url(NAME), settings)
                assert not reading.watch().state.replica_problem
                with reading.at(reading.source()) as run:
                    assert run.is_of_replica
                own.promote()
                wait_for(lambda: bool(reading.watch().state.replica_problem))
                assert reading.source() is None
            finally:
                reading.forget()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://h/db", 'must be a postgresql URL, not "mysql"'),
        ("postgresql://h/db?nonsense=1", "is not a valid PostgreSQL URL"),
        ("postgresql://other@primary:5432/log?sslmode=require", "must name a replica"),
    ],
)
def test_a_bad_url_stops_the_start_with_one_line(url: str, says: str) -> None:
    from pathlib import Path

    primary = backends.from_url("postgresql://app@primary:5432/log", Path())
    with pytest.raises(Exception, match=says):
        backends.replica_from_url(url, primary)


def test_both_addresses_may_name_all_nodes_of_a_cluster() -> None:
    from pathlib import Path

    nodes = "postgresql://app@db1,db2,db3/log"
    primary = backends.from_url(f"{nodes}?target_session_attrs=read-write", Path())
    found = backends.replica_from_url(nodes, primary)
    assert found is not None
    assert found["HOST"] == "db1,db2,db3"


def test_sqlite_has_no_replica() -> None:
    from pathlib import Path

    with pytest.raises(Exception, match="needs PostgreSQL"):
        backends.replica_from_url("postgresql://h/db", backends.from_url("", Path("/srv")))
