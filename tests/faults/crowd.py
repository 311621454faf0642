"""Clients that are slow on purpose, many at a time, on raw sockets."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from enhancelog.accounts.cookies import cookie_name
from enhancelog.domain.public_addresses import parse

LOG = "/v1/enhance/log"


class Crowd:
    """Opens connections to a server at ``url`` and leaves them in an unfinished state."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._csrf_cookie = cookie_name("csrf", parse(url))
        self._stack = stack

    def gather(self, authorizations: Sequence[Mapping[str, str]]) -> None:
        """Everything that once held a thread or a slot, at once; what needs a token is spread over these headers."""
        self.half_heads(500)
        self.idle(200)
        self.half_forms(80, "/account/sign-in")
        for headers in authorizations:
            self.stalled_readers(40 // len(authorizations), f"{LOG}?format=ndjson", headers)
            self.polls(120 // len(authorizations), headers)

    def idle(self, number: int) -> None:
        """Connections on which nothing is ever sent."""
        for _ in range(number):
            self._connect()

    def half_heads(self, number: int) -> list[socket.socket]:
        return [self._sent(b"GET / HTTP/1.1\r\nHost: somewhere\r\nX-Slow: ") for _ in range(number)]

    def half_bodies(self, number: int, path: str, headers: Mapping[str, str]) -> list[socket.socket]:
        return [self.send("POST", path, {**headers, "Content-Length": "1000"}, b"user") for _ in range(number)]

    def half_forms(self, number: int, path: str) -> list[socket.socket]:
        """Forms of browsers that have been here before."""
        cookie = f"{self._csrf_cookie}={'a' * 32}"
        return self.half_bodies(number, path, {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie})

    def stalled_readers(self, number: int, path: str, headers: Mapping[str, str]) -> list[socket.socket]:
        """Clients of a long response that read none of it."""
        return [self._sent(_head("GET", path, headers), receive_buffer=4096) for _ in range(number)]

    def polls(self, number: int, headers: Mapping[str, str]) -> list[socket.socket]:
        return [self.send("GET", f"{LOG}?after=999999999&wait=30", headers) for _ in range(number)]

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> socket.socket:
        """A connection on which this was sent, whole or not."""
        return self._sent(_head(method, path, headers) + body)

    def _sent(self, data: bytes, receive_buffer: int = 0) -> socket.socket:
        connection = self._connect(receive_buffer)
        connection.sendall(data)
        return connection

    def _connect(self, receive_buffer: int = 0) -> socket.socket:
        connection = self._stack.enter_context(socket.socket())
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(60)
        connection.connect(self._address)
        return connection


@contextmanager
def crowd(url: str) -> Iterator[Crowd]:
    """All its connections are closed at the end of the block."""
    with ExitStack() as stack:
        yield Crowd(url, stack)


def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection, in whichever way."""
    received = []
    try:
        while part := connection.recv(65536):
            received.append(part)
    except ConnectionResetError:
        pass
    return b"".join(received)
