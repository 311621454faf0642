"""Servers that vanish or hang without a word: what waits for them ends, and readiness answers meanwhile."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings as configured
from django.db import connections
from django.test import Client
from psycopg.conninfo import conninfo_to_dict

from enhancelog import backends
from enhancelog.backends.postgresql import tools
from enhancelog.backends.postgresql.base import DatabaseWrapper
from enhancelog.backends.postgresql.replica import ReplicaWrapper
from enhancelog.domain import records
from enhancelog.server import health
from tests import cables, standbys
from tests.factories import make_entry
from tests.processes import free_port, make_tokens, serving
from tests.replica.conftest import NAME, default_is, migrated
from tests.standbys import Pair
from tests.waiting import wait_for

LOG = "/v1/enhance/log"
# A probe that waits any longer takes the server for dead.
PROBE_S = health.PATIENCE_S + 1


def parameters(url: str, wrapper: type[DatabaseWrapper] = DatabaseWrapper) -> dict[str, object]:
    found = wrapper({"TIME_ZONE": None, "CONN_HEALTH_CHECKS": True, **backends.from_url(url, Path())})
    return found.get_connection_params()


def test_connections_notice_that_a_machine_is_gone() -> None:
    found = parameters("postgresql://app@db.example.org/log")
    assert (found["connect_timeout"], found["tcp_user_timeout"]) == (5, 5_000)
    assert (found["keepalives_idle"], found["keepalives_interval"], found["keepalives_count"]) == (5, 2, 3)
    of_replica = parameters("postgresql://app@db.example.org/log", ReplicaWrapper)
    assert of_replica["tcp_user_timeout"] == 5_000


def test_the_url_may_say_otherwise() -> None:
    url = "postgresql://app@db.example.org/log?connect_timeout=30&tcp_user_timeout=0&keepalives_idle=60"
    found = parameters(url)
    assert (found["connect_timeout"], found["tcp_user_timeout"], found["keepalives_idle"]) == ("30", "0", "60")


def test_programs_of_postgresql_notice_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://app@db.example.org/log?keepalives_idle=60"
    monkeypatch.setattr(connections["default"], "settings_dict", backends.from_url(url, Path()))
    given = conninfo_to_dict(tools.database().removeprefix("--dbname="))
    assert (given["connect_timeout"], given["keepalives_idle"], given["keepalives_count"]) == ("5", "60", "3")
    assert "tcp_user_timeout" not in given


@pytest.mark.slow
def test_readiness_answers_while_the_only_server_hangs(pair: Pair, django_db_blocker) -> None:
    client = Client()
    with django_db_blocker.unblock(), default_is(pair.primary.url(NAME)):
        assert configured.READ_DATABASE is None
        assert client.get("/health/ready").status_code == 200
        with pair.primary.hanging():
            for _ in range(2):  # on the open connection, and on a new one
                began = time.monotonic()
                assert client.get("/health/ready").status_code == 503
                assert time.monotonic() - began < PROBE_S
        wait_for(lambda: client.get("/health/ready").status_code == 200)


@contextmanager
def pair_with_a_cable() -> Iterator[tuple[Pair, cables.Cable]]:
    """The primary is on the other side. The standby follows it all the time."""
    with standbys.pair() as found, cables.cable() as cable:
        found.primary.stop()
        with (found.primary.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {cables.HERE}/32 trust\n")
        found.primary.prefix = [*cable.prefix, *found.primary.prefix]
        found.primary.options.append(f"listen_addresses={cables.THERE}")
        found.primary.start()
        wait_for(lambda: is_reached(f"postgresql://postgres@{cables.THERE}/postgres?connect_timeout=2"))
        yield found, cable


def is_reached(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.heavy
@pytest.mark.slow
def test_a_failover_after_a_cut_cable_is_followed_within_seconds(tmp_path: Path, django_db_blocker) -> None:
    with pair_with_a_cable() as (pair, cable), (tmp_path / "log").open("w") as output:
        with django_db_blocker.unblock():
            migrated(pair)
        hosts = f"{cables.THERE},{pair.standby.socket}"
        url = f"postgresql://postgres@/{NAME}?host={hosts}&target_session_attrs=read-write"
        bind = f"127.0.0.1:{free_port()}"
        with (
            serving("--bind", bind, data_dir=tmp_path, output=output, DATABASE_URL=url),
            httpx.Client(base_url=f"http://{bind}", timeout=60, trust_env=False) as client,
        ):
            (secret,) = make_tokens(1, ["log:append"], tmp_path, DATABASE_URL=url)
            headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}

            def append(issue_id: str) -> int:
                content = records.encode(make_entry(issue_id=issue_id))
                return client.post(LOG, content=content, headers=headers).status_code

            for number in range(20):  # by both workers
                assert append(f"before-{number}") == 201
                assert client.get("/health/ready").status_code == 200
            pair.wait_until_equal()
            cable.cut()
            began = time.monotonic()
            while time.monotonic() - began < 2 * PROBE_S:
                asked = time.monotonic()
                client.get("/health/ready")
                assert time.monotonic() - asked < PROBE_S
            assert client.get("/health/ready").status_code == 503
            pair.promote()
            promoted = time.monotonic()
            wait_for(lambda: append("after") in (201, 409))
            for _ in range(10):
                wait_for(lambda: client.get("/health/ready").status_code == 200)
            assert time.monotonic() - promoted < 20
