"""The processes of a server: what happens when one of them is killed."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from enhancelog.domain import records
from tests.conftest import DATABASE
from tests.factories import make_entry
from tests.faults.crowd import LOG
from tests.postgres import fresh_database
from tests.processes import Process, free_port, left_of, manage, serving, workers_of
from tests.waiting import wait_for

pytestmark = [pytest.mark.database, pytest.mark.slow]

JSON = {"Content-Type": "application/json"}
WORKERS = 2


class Server:
    def __init__(self, url: str, process: Process, token: str) -> None:
        self.url = url
        self.process = process
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),  # so that no append depends on the worker of the last
        )

    def workers(self) -> list[psutil.Process]:
        return workers_of(self.process.pid)

    def append(self, issue_id: str) -> bool:
        """Whether it was acknowledged."""
        try:
            body = records.encode(make_entry(issue_id=issue_id))
            answer = self._client.post(LOG, content=body, headers=JSON)
        except httpx.TransportError:
            return False
        return answer.status_code == 201

    def stored(self) -> set[str]:
        found = self._client.get(LOG)
        return {entry["issue_id"] for entry in found.json()}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with ExitStack() as stack:
        environment = {"ENHANCELOG_WORKERS": str(WORKERS), "ENHANCELOG_THROTTLE_APPEND": "off"}
        if DATABASE == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(fresh_database())
        bind = f"127.0.0.1:{free_port()}"
        output = stack.enter_context(open(tmp_path / "log", "w"))
        process = stack.enter_context(serving("--bind", bind, data_dir=tmp_path, output=output, **environment))
        scopes = ["--scope", "log:append", "--scope", "log:read"]
        made = manage("create_token", "agent", *scopes, data_dir=tmp_path, **environment)
        assert made.returncode == 0, made.stderr
        server = Server(f"http://{bind}", process, made.stdout.strip())
        wait_for(lambda: len(server.workers()) == WORKERS)
        yield server


def test_worker_that_is_killed_is_replaced_and_nothing_acknowledged_is_lost(server: Server) -> None:
    acknowledged: set[str] = set()
    with ThreadPoolExecutor(4) as pool:
        for kill in range(3):  # faster than a worker could show that it is stable
            ids = [f"kill-{kill}-{number}" for number in range(40)]
            appended = pool.map(lambda issue_id: (issue_id, server.append(issue_id)), ids)
            victim, *others = server.workers()
            victim.kill()
            acknowledged |= {issue_id for issue_id, was in appended if was}
            assert all(other.is_running() for other in others)
            assert server.process.poll() is None
            wait_for(lambda: len(server.workers()) == WORKERS)
    wait_for(lambda: server.append("afterwards"))  # nobody listens where the last two kills met both workers
    assert acknowledged
    assert acknowledged <= server.stored()


def test_workers_end_with_the_process_that_started_them(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    assert left_of(server.process.pid) == []
    assert not [conn for conn in psutil.net_connections("tcp") if conn.laddr.port == port and conn.status == "LISTEN"]


def test_stopped_server_finishes_the_requests_it_has(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        appended = [pool.submit(server.append, f"last-{number}") for number in range(80)]
        wait_for(lambda: any(future.done() for future in appended))
        server.process.terminate()
        assert server.process.wait(timeout=60) == 0
        assert any(future.result() for future in appended)
    assert left_of(server.process.pid) == []
    assert "was killed" not in (tmp_path / "log").read_text()


@pytest.mark.once
def test_worker_that_cannot_start_ends_the_server_with_one_line(tmp_path: Path) -> None:
    broken = {"ENHANCELOG_WORKERS": "1", "PYTHONPATH": str(tmp_path / "broken")}
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text(
        "import os, sys\nif 'spawn_main' in ' '.join(sys.orig_argv): os._exit(7)\n"
    )
    bind = f"127.0.0.1:{free_port()}"
    done = manage("serve", "--bind", bind, data_dir=tmp_path / "data", **broken)
    assert done.returncode == 2
    assert "exit code 7 before it served" in done.stderr
    assert "Traceback" not in done.stderr
