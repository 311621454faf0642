"""``python3 -m benchmarks.failover [--kills N]``: how long writes and reads stand still when the leader is lost, and
whether an acknowledged entry is. Prints one JSON object; exit code 1 if an entry or a read was lost.
"""

import argparse
import http.client
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg

from benchmarks import generator
from benchmarks.children import Failed, product_environment
from benchmarks.databases import Database
from benchmarks.patroni import PASSWORD, Cluster, cluster
from benchmarks.servers import Server, enhancelog
from enhancelog.domain import records
from enhancelog.domain.records import Entry
from tests.processes import manage

WRITERS: Final = 4
READERS: Final = 2
ANSWER_S: Final = 30.0
PAUSE_S: Final = 0.05
QUIET_S: Final = 10.0  # of load before and after each failover
PAGE: Final = "/blueprints/"
ROLE: Final = "enhancelog"


@dataclass
class Seen:
    """What clients saw. Times are of ``time.monotonic``."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    pages: list[float] = field(default_factory=list)
    refused: int = 0
    stale: list[str] = field(default_factory=list)
    """Entries that were acknowledged, and then not found."""


class Client:
    """Tries again until it is answered."""

    def __init__(self, server: Server, seen: Seen) -> None:
        self._server, self._seen = server, seen
        self._connection: http.client.HTTPConnection | None = None

    def answer(self, method: str, path: str, body: bytes | None = None) -> int:
        """The status, or 0 if there was none."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._server.address, timeout=ANSWER_S)
        headers = {"Authorization": f"Bearer {self._server.secret}", "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body, headers if method == "PUT" else {})
            response = self._connection.getresponse()
            response.read()
            status = response.status
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection, status = None, 0
        if status == 0 or status >= 500:
            self._seen.refused += 1
            time.sleep(PAUSE_S)
        return status

    def append(self, entry: Entry, ended: Callable[[], bool]) -> None:
        path, body = f"/v1/enhance/log/{quote(entry.issue_id, safe='')}", records.encode(entry)
        while not ended():
            status = self.answer("PUT", path, body)
            if status in (200, 201):
                self._seen.acknowledged[entry.issue_id] = time.monotonic()
                self._read_back(entry.issue_id, path, ended)
                time.sleep(PAUSE_S)
                return
            if status and status < 500:
                raise Failed(f"{path}: {status}")

    def _read_back(self, issue_id: str, path: str, ended: Callable[[], bool]) -> None:
        while not ended():
            status = self.answer("GET", path)
            if status == 404:
                self._seen.stale.append(issue_id)
            if status in (200, 404):
                return

    def read(self) -> None:
        if self.answer("GET", PAGE) == 200:
            self._seen.pages.append(time.monotonic())
        time.sleep(PAUSE_S)


@contextmanager
def load(server: Server) -> Iterator[Seen]:
    """Clients that write and read for the length of the block. Raises what a client raised."""
    seen, failures, over = Seen(), [], threading.Event()
    entries = _entries()
    taking = threading.Lock()

    def write() -> None:
        client = Client(server, seen)
        while not over.is_set():
            with taking:
                entry = next(entries)
            client.append(entry, over.is_set)

    def read() -> None:
        client = Client(server, seen)
        while not over.is_set():
            client.read()

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=[work]) for work in [write] * WRITERS + [read] * READERS]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _entries() -> Iterator[Entry]:
    for number in itertools.count():
        yield from generator.appends(1, f"failover-{number}", 1_000, len(generator.BLUEPRINTS))


def longest_pause_ms(times: Sequence[float], since: float, until: float) -> float:
    """Between two successes, one of which may be the last before ``since``."""
    before = max((each for each in times if each <= since), default=since)
    within = sorted(each for each in times if since < each <= until)
    return max(later - earlier for earlier, later in itertools.pairwise([before, *within, until])) * 1000


def lose_leader(nodes: Cluster, server: Server, seen: Seen) -> tuple[float, float]:
    """The pauses of writes and of reads (ms)."""
    time.sleep(QUIET_S)
    leader, began = nodes.leader(), time.monotonic()
    leader.kill()
    _wait_for_writes(seen, began)
    leader.start(nodes.nodes)
    nodes.wait_until_whole()
    time.sleep(QUIET_S)
    now = time.monotonic()
    writes = longest_pause_ms(list(seen.acknowledged.values()), began, now)
    return writes, longest_pause_ms(list(seen.pages), began, now)


def _wait_for_writes(seen: Seen, since: float) -> None:
    """On the new leader: five seconds in which some succeed."""
    while sum(each > since + 5 for each in list(seen.acknowledged.values())) < WRITERS:
        if time.monotonic() > since + 120:
            raise Failed("no write succeeds within 120 s of the loss of the leader")
        time.sleep(0.2)


def missing(nodes: Cluster, seen: Seen) -> list[str]:
    """Acknowledged entries that the log lacks."""
    with psycopg.connect(nodes.url(ROLE, ROLE, "read-write")) as connection:
        stored = {issue_id for (issue_id,) in connection.execute("SELECT issue_id FROM enhancelog_entry")}
    return sorted(seen.acknowledged.keys() - stored)


def measured(kills: int, folder: Path) -> dict[str, Any]:
    with cluster(folder / "nodes") as nodes:
        database = _database(nodes, folder)
        replicas = nodes.url(ROLE, ROLE, "standby") + "&load_balance_hosts=random"
        with (
            enhancelog(database, folder / "server.log", ENHANCELOG_READ_URL=replicas) as server,
            load(server) as seen,
        ):
            pauses = [_shown(number, lose_leader(nodes, server, seen)) for number in range(1, kills + 1)]
        lost = missing(nodes, seen)
        environment = product_environment(database.data_dir, database.url)
        verified = manage("verify_log", data_dir=database.data_dir, DATABASE_URL=environment["DATABASE_URL"])
    writes, reads = zip(*pauses, strict=True)
    return {
        "kills": kills,
        "acknowledged": len(seen.acknowledged),
        "lost": lost,
        "stale": seen.stale,
        "refused": seen.refused,
        "verify_log": verified.returncode,
        "writes_paused_ms": _spread(writes),
        "reads_paused_ms": _spread(reads),
    }


def _database(nodes: Cluster, folder: Path) -> Database:
    with psycopg.connect(nodes.url("postgres", "postgres", "read-write"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_stats")
        connection.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
    url = nodes.url(ROLE, ROLE, "read-write")
    return Database("postgresql", url, url, folder / "data")


def _shown(number: int, pauses: tuple[float, float]) -> tuple[float, float]:
    print(
        f"{number}: writes paused for {pauses[0]:,.0f} ms, reads for {pauses[1]:,.0f} ms", file=sys.stderr, flush=True
    )
    return pauses


def _spread(values: Sequence[float]) -> dict[str, int]:
    found = {"least": min(values), "median": statistics.median(values), "most": max(values)}
    return {name: round(value) for name, value in found.items()}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m benchmarks.failover")
    parser.add_argument("--kills", type=int, default=10, metavar="N")
    options = parser.parse_args(arguments)
    # Everybody may enter it: PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="enhancelog-failover-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        try:
            found = measured(options.kills, Path(name))
        except Failed as error:
            print(f"failover: {error}", file=sys.stderr)
            return 2
    print(json.dumps(found))
    return int(bool(found["lost"] or found["stale"] or found["verify_log"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
