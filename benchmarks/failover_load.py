"""Clients that write and read while leaders are lost, and what they saw."""

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from benchmarks import generator
from benchmarks.children import Failed
from benchmarks.servers import Server
from enhancelog.domain import records
from enhancelog.domain.records import Entry

WRITERS: Final = 4
READERS: Final = 2
ANSWER_S: Final = 30.0
PAUSE_S: Final = 0.05
PAGE: Final = "/blueprints/"


@dataclass
class Seen:
    """What clients saw. Times are of ``time.monotonic``."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    sent: dict[str, Entry] = field(default_factory=dict)
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
        self._seen.sent[entry.issue_id] = entry
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
