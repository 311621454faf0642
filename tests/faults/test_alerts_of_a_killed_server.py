"""A server that is killed again and again, whole or one worker at a time, tells a receiver each rejected entry, always
under the same id."""

import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from standardwebhooks import Webhook

from enhancelog.domain import records
from tests.alerts.receivers import Handler, Receiver, answering, receiving
from tests.conftest import DATABASE
from tests.factories import make_rejected
from tests.faults.crowd import LOG
from tests.postgres import fresh_database
from tests.processes import START_S, Process, free_port, make_tokens, serving, workers_of

pytestmark = [pytest.mark.database, pytest.mark.heavy, pytest.mark.slow, pytest.mark.timeout(900)]

EVENTS = 200
SEED = 11
JSON = {"Content-Type": "application/json"}

# Where a kill is aimed at: while a message is at the receiver, after its answer, after an append, or anywhere. In each
# life of the server, a worker is killed at one and the whole server at the next. One more life ends in peace.
MOMENTS = ("asked", "answered", "appended", "later")
LONGEST_WAIT_FOR_MOMENT_S = 10.0

# The server waits for minutes where it may: between messages, after a failure, for what a killed sender had. These
# waits alone are shortened, in a module that Python imports before the server's.
SHORTENED = """
import sys
from importlib.machinery import PathFinder

TIMES = {
    "enhancelog.alerts.outbox": {
        "LEASE_MS": 2_000, "BETWEEN_MESSAGES_MS": 0, "MOST_FOLDED": 0, "WAITS_S": (0,) * 1_000},
    "enhancelog.alerts.holding": {"HELD_FOR_MS": 2_000},
    "enhancelog.alerts.adding": {"MOST_NEW": 1_000},
    "enhancelog.maintenance.alert_worker": {"POLL_S": 0.2, "PAUSE_S": 0.01, "RESTS": 0},
}

class Shortened:
    @staticmethod
    def find_spec(name, path, target=None):
        if name not in TIMES:
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def exec_module(module):
            execute(module)
            vars(module).update(TIMES[name])
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Shortened)
"""


class Aim:
    """Kills at the next time that any thread gets to a moment."""

    def __init__(self) -> None:
        self._kills: dict[str, Callable[[], None]] = {}
        self._is_done = threading.Event()

    def reached(self, moment: str) -> None:
        if kill := self._kills.pop(moment, None):
            kill()
            self._is_done.set()

    def kill_at(self, moment: str, kill: Callable[[], None], later_s: float) -> None:
        self._is_done.clear()
        self._kills[moment] = kill
        self._is_done.wait(later_s if moment == "later" else LONGEST_WAIT_FOR_MOMENT_S)
        self.reached(moment)  # nothing got there


class Hook:
    """What the receiver does: it verifies each message, and a third of its answers are 500."""

    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self._random = random.Random(SEED)
        self.secret = ""
        self.forged: list[str] = []
        self.taken: set[str] = set()  # ids of messages whose answer was 200

    def __call__(self, handler: Handler) -> None:
        received = handler.server.received[-1]
        message_id = received.headers["webhook-id"]
        try:
            Webhook(self.secret).verify(received.body, received.headers)
        except Exception as error:
            self.forged.append(f"{message_id}: {error!r}")
        status = 500 if self._random.random() < 0.3 else 200
        self._aim.reached("asked")
        answering(status)(handler)
        if status == 200:
            self.taken.add(message_id)
        self._aim.reached("answered")


class Server:
    def __init__(self, folder: Path, receiver: Receiver, database: dict[str, str]) -> None:
        (folder / "shortened").mkdir()
        (folder / "shortened" / "sitecustomize.py").write_text(SHORTENED)
        self._bind = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._environment = {
            **database,
            "ENHANCELOG_WORKERS": "2",
            "ENHANCELOG_THROTTLE_APPEND": "off",
            "ENHANCELOG_WEBHOOK_ALLOW": f"127.0.0.1:{receiver.port}",
            "PYTHONPATH": str(folder / "shortened"),
        }
        self.headers: dict[str, str] = {}

    @contextmanager
    def running(self) -> Iterator[Process]:
        with (
            (self._folder / "server.log").open("a") as output,
            serving("--bind", self._bind, data_dir=self._folder, output=output, **self._environment) as process,
        ):
            yield process

    def client(self) -> httpx.Client:
        alone = httpx.Limits(max_keepalive_connections=0)  # no request depends on the worker of the last
        url = f"http://{self._bind}"
        return httpx.Client(base_url=url, headers=self.headers, timeout=10, trust_env=False, limits=alone)

    def make_rule(self, url: str) -> str:
        scopes = ("log:append", "log:read", "triage:write")
        (token,) = make_tokens(1, scopes, self._folder, **self._environment)
        self.headers = {"Authorization": f"Bearer {token}"}
        rule = {"name": "All", "event": "entry.rejected", "channel": "webhook", "url": url}
        with self.client() as client:
            made = client.post("/v1/alerts", json=rule)
        assert made.status_code == 201, made.text
        return str(made.json()["secret"])

    def unsent(self) -> list[Any]:
        with self.client() as client:
            return [
                each
                for state in ("waiting", "folded", "dead")
                for each in client.get("/v1/deliveries", params={"state": state}).json()
            ]


class Appender(threading.Thread):
    """Appends rejected entries, each until it is acknowledged; no more than ``allowed``."""

    def __init__(self, server: Server, aim: Aim) -> None:
        super().__init__(daemon=True)
        self._server, self._aim = server, aim
        self._random = random.Random(SEED)
        self.allowed = 0
        self.acknowledged: list[str] = []

    def run(self) -> None:
        with self._server.client() as client:
            while len(self.acknowledged) < EVENTS:
                time.sleep(self._random.uniform(0, 0.2))
                issue_id = f"h-{len(self.acknowledged)}"
                if len(self.acknowledged) < self.allowed and self._append(client, issue_id):
                    self.acknowledged.append(issue_id)
                    self._aim.reached("appended")

    def _append(self, client: httpx.Client, issue_id: str) -> bool:
        body = records.encode(make_rejected(issue_id=issue_id, detail=f"reason {issue_id}"))
        try:
            status = client.post(LOG, content=body, headers=JSON).status_code
        except httpx.TransportError:
            return False
        return status in (201, 409)  # 409: the one whose answer did not arrive was stored


def kill_group(process: Process) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_worker(process: Process, choose: random.Random) -> None:
    if workers := workers_of(process.pid):
        with suppress(psutil.NoSuchProcess):
            choose.choice(workers).kill()


def test_server_that_is_killed_again_and_again_tells_each_entry_under_one_id(tmp_path: Path) -> None:
    choose, aim = random.Random(SEED), Aim()
    hook = Hook(aim)
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving(hook))
        database = {"DATABASE_URL": stack.enter_context(fresh_database())} if DATABASE == "postgresql" else {}
        server = Server(tmp_path, receiver, database)
        with server.running():
            hook.secret = server.make_rule(receiver.url)
        appender = Appender(server, aim)
        appender.start()
        for life, (of_worker, of_server) in enumerate(zip(MOMENTS, MOMENTS[1:] + MOMENTS[:1], strict=True), 1):
            with server.running() as process:
                appender.allowed = EVENTS * life // len(MOMENTS)
                aim.kill_at(of_worker, lambda: kill_worker(process, choose), later_s=choose.uniform(0, 1))
                aim.kill_at(of_server, lambda: kill_group(process), later_s=choose.uniform(0, 1))
        told_before = len(hook.taken)
        with server.running():
            appender.join(START_S)
            assert not appender.is_alive(), "not every entry was acknowledged"
            wait_long(lambda: len(hook.taken) >= EVENTS and not server.unsent())
    ids, bodies = defaultdict(set), defaultdict(set)
    for each in receiver.received:
        ids[each.json["data"]["issue_id"]].add(each.headers["webhook-id"])
        bodies[each.headers["webhook-id"]].add(each.body)
    assert set(ids) == set(appender.acknowledged)
    assert all(len(each) == 1 for each in ids.values())
    assert all(len(each) == 1 for each in bodies.values())
    assert set(bodies) == hook.taken
    assert not hook.forged
    assert told_before, "every message waited until the kills were over"
    assert len(receiver.received) > EVENTS  # failures were repeated


def wait_long(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline, "not every message arrived"
        time.sleep(0.2)
