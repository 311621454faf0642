"""The load generator: clients on persistent connections that send the next request after each answer.

One thread and one event loop; requests are prepared bytes. ``Load.cpu_share`` is the generator's share of a core:
near 1 it measures itself.
"""

import asyncio
import hashlib
import http.client
import re
import socket
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

LONGEST_S: Final = 120

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"


class Address(NamedTuple):
    host: str
    port: int


class WrongAnswer(Exception):
    """An unexpected response."""


class Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes


Keep = Callable[[Answer], None]


class Load(NamedTuple):
    """Times in seconds; ``latencies`` one per request."""

    seconds: float
    latencies: list[float]
    cpu_share: float

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Latency (seconds); the share is 0 to 1."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)


def request(address: Address, method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as bytes; header names with ``_`` for ``-``."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {address.host}:{address.port}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def run(address: Address, requests: Iterable[bytes], clients: int, expected: int, keep: Keep | None = None) -> Load:
    """Send all requests from so many clients; ``keep`` gets every answer. Raises ``WrongAnswer`` for any other
    status.
    """
    return asyncio.run(_run(address, iter(requests), clients, expected, keep))


def one(address: Address, data: bytes) -> Answer:
    answers: list[Answer] = []

    async def ask() -> None:
        await _finished(address, iter([data]), 1, None, answers.append)

    asyncio.run(ask())
    return answers[0]


def header(answer: Answer, name: str) -> str:
    for line in answer.head.decode("latin-1").splitlines():
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    return ""


def download(address: Address, data: bytes) -> tuple[str, int, float]:
    """SHA-256 and lines of a long answer, and the seconds it took."""
    digest, lines, began = hashlib.sha256(), 0, time.perf_counter()
    with socket.create_connection(address, timeout=LONGEST_S) as connection:
        connection.sendall(data)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        if answer.status != 200:
            raise WrongAnswer(f"{answer.status}: {answer.read(500)!r}")
        while part := answer.read1(1 << 18):
            digest.update(part)
            lines += part.count(b"\n")
    return digest.hexdigest(), lines, time.perf_counter() - began


async def _run(address: Address, requests: Iterator[bytes], clients: int, expected: int, keep: Keep | None) -> Load:
    cpu, began = time.process_time(), time.perf_counter()
    latencies = await _finished(address, requests, clients, expected, keep)
    seconds = time.perf_counter() - began
    return Load(seconds, latencies, (time.process_time() - cpu) / seconds)


async def _finished(
    address: Address, requests: Iterator[bytes], clients: int, expected: int | None, keep: Keep | None
) -> list[float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    running = []
    for _ in range(clients):
        client = _Client(requests, latencies, loop.create_future(), expected, keep)
        running.append(client.done)
        await loop.create_connection(partial(_same, client), *address)
    await asyncio.gather(*running)
    return latencies


def _same(client: "_Client") -> "_Client":
    return client


class _Client(asyncio.Protocol):
    """Sends its requests over one connection."""

    def __init__(
        self,
        requests: Iterator[bytes],
        latencies: list[float],
        done: "asyncio.Future[None]",
        expected: int | None,
        keep: Keep | None,
    ) -> None:
        self._requests = requests
        self._latencies = latencies
        self.done = done
        self._expected = expected
        self._keep = keep
        self._buffer = bytearray()
        self._wanted = 0  # bytes of the whole answer, once its head is read
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(WrongAnswer(f"the server closed the connection: {error or 'without a word'}"))

    def _send(self) -> None:
        data = next(self._requests, None)
        if data is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._buffer.clear()
        self._wanted = 0
        self._began = time.perf_counter()
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._is_whole():
            self._latencies.append(time.perf_counter() - self._began)
            try:
                self._judge()
            except WrongAnswer as wrong:
                self.done.set_exception(wrong)
                self._transport.abort()
            else:
                self._send()

    def _is_whole(self) -> bool:
        if not self._wanted:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return False
            head = bytes(self._buffer[:end])
            if length := _LENGTH.search(head):
                self._wanted = end + len(_HEAD_END) + int(length[1])
            elif _CHUNKED.search(head):
                return _last_chunk(self._buffer, end + len(_HEAD_END))
            else:
                self._wanted = end + len(_HEAD_END)
        return len(self._buffer) >= self._wanted

    def _judge(self) -> None:
        status = int(self._buffer[9:12])
        if self._expected is not None and status != self._expected:
            raise WrongAnswer(f"{status} instead of {self._expected}: {bytes(self._buffer[:2000])!r}")
        if self._keep is not None:
            head, _, body = bytes(self._buffer).partition(_HEAD_END)
            self._keep(Answer(status, head, _dechunked(body) if _CHUNKED.search(head) else body))


def _last_chunk(buffer: bytearray, at: int) -> bool:
    """Whether the chunks from ``at`` on include the empty one."""
    if not buffer.endswith(b"0\r\n\r\n"):
        return False
    while (end := buffer.find(b"\r\n", at)) >= 0:
        size = int(buffer[at:end], 16)
        if not size:
            return True
        at = end + 2 + size + 2
    return False


def _dechunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(parts)
