"""An address with several hosts, of which one is gone without a word: what answers is read, and soon."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from enhancelog import backends
from enhancelog.backends import reading
from enhancelog.backends.postgresql import hosts
from enhancelog.backends.postgresql.hosts import Host
from enhancelog.backends.postgresql.replica import ReplicaWrapper
from enhancelog.maintenance import replica_status
from enhancelog.queries import status as queried
from enhancelog.server import health
from tests.replica.conftest import NAME
from tests.standbys import Pair
from tests.waiting import wait_for


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ({"host": "a,b,c"}, Host("c", "5432"), {"host": "c,a,b"}),
        ({"host": "a,b", "port": "1"}, Host("b", "1"), {"host": "b,a", "port": "1"}),
        ({"host": "a,a", "port": "1,2"}, Host("a", "2"), {"host": "a,a", "port": "2,1"}),
        ({"host": "a,b", "port": "1,"}, Host("b", "5432"), {"host": "b,a", "port": ",1"}),
        (
            {"host": "a,b", "hostaddr": "10.0.0.1,10.0.0.2"},
            Host("b", "5432"),
            {"host": "b,a", "hostaddr": "10.0.0.2,10.0.0.1"},
        ),
        ({"hostaddr": "10.0.0.1,10.0.0.2"}, Host("10.0.0.2", "5432"), {"hostaddr": "10.0.0.2,10.0.0.1"}),
        (
            {"host": "a,b", "load_balance_hosts": "random"},
            Host("a", "5432"),
            {"host": "a,b", "load_balance_hosts": "disable"},
        ),
        ({"host": "a,b", "port": "1,2"}, Host("b", "1"), {"host": "a,b", "port": "1,2"}),  # of another address
        ({"host": "a"}, Host("a", "5432"), {"host": "a"}),
        ({}, Host("a", "5432"), {}),
    ],
)
def test_the_host_that_answers_comes_first(given: dict[str, str], wanted: Host, expected: dict[str, str]) -> None:
    assert hosts.first(given, wanted) == expected


def test_the_watch_connects_as_the_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReplicaWrapper, "answering", Host("b", "5432"))
    found = backends.from_url("postgresql://app@a,b/log?connect_timeout=7", Path())
    wrapper = ReplicaWrapper({"TIME_ZONE": None, "CONN_HEALTH_CHECKS": True, **found})
    params = wrapper.get_connection_params()
    assert (params["host"], params["connect_timeout"]) == ("b,a", 2)
    wrapper.connect_within_s = None
    params = wrapper.get_connection_params()
    assert (params["host"], params["connect_timeout"]) == ("a,b", "7")


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=["disable", "random"])
def read_url(request: pytest.FixtureRequest, pair: Pair, silent: int) -> str:
    """The first of two hosts is silent."""
    several = f"host=127.0.0.1,{pair.standby.socket}&port={silent},5432"
    return f"postgresql://postgres@/{NAME}?{several}&load_balance_hosts={request.param}"


def connects_anew() -> None:
    for wrapper in list(reading._wrappers):
        wrapper.close()


def test_new_connections_go_to_the_host_that_answers(replicated: Pair) -> None:
    wait_for(lambda: not reading.watch().state.replica_problem)
    for _ in range(8):
        connects_anew()
        began = time.monotonic()
        with reading.at(reading.source()) as run:
            assert run.is_of_replica
        assert time.monotonic() - began < 0.5
    assert not reading.watch().state.replica_problem


def test_servers_stay_ready_without_the_primary(replicated: Pair, client: Client) -> None:
    wait_for(lambda: not reading.watch().state.replica_problem)
    replicated.primary.kill()
    try:
        wait_for(reading.is_read_only)
        for _ in range(8):
            connects_anew()
            ready = client.get("/health/ready")
            assert (ready.status_code, ready.json()["status"]) == (200, "read only")
            assert client.get("/rejections/").status_code == 200
    finally:
        replicated.primary.start()
        wait_for(lambda: reading.look().primary_gone_ms is None)


class TestOneThatHangs:
    """After it was connected to."""

    @pytest.fixture
    def read_url(self, pair: Pair) -> str:
        return pair.standby.url(NAME)

    @pytest.fixture(autouse=True)
    def hangs(self, replicated: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        original = queried.positions

        def positions() -> object:
            connection.ensure_connection()
            with replicated.standby.hanging():
                return original()

        monkeypatch.setattr(health, "positions", positions)
        monkeypatch.setattr(queried, "positions", positions)

    def test_readiness_answers(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "is_read_only", lambda: True)
        monkeypatch.setattr(reading, "gone", lambda: "the primary database is gone")
        began = time.monotonic()
        assert client.get("/health/ready").status_code == 503
        assert time.monotonic() - began < health.PATIENCE_S + 1

    def test_the_operator_is_told(self) -> None:
        began = time.monotonic()
        found = replica_status.look(None)
        assert found
        assert found.problem == "its tables cannot be read"
        assert time.monotonic() - began < replica_status.ANSWER_S + 2
