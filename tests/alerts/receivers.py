"""Receivers of messages: real servers in threads, with every way to behave badly."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller

from tests.processes import free_port


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver(ThreadingHTTPServer):
    """``behave`` answers; what it was sent is in ``received``."""

    daemon_threads = True

    def __init__(self, behave: Callable[["Handler"], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave = behave
        self.received: list[Received] = []
        self.ends = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?for=us"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The sender hung up."""


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(self.path, headers, body))
        self.server.behave(self)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def receiving(behave: Callable[[Handler], None] | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    server = Receiver(behave or answering(200))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ends.set()
        server.shutdown()
        server.server_close()


def answering(status: int, body: bytes = b"ok", **headers: str) -> Callable[[Handler], None]:
    def behave(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def stalling(handler: Handler) -> None:
    handler.server.ends.wait()


def dripping(handler: Handler) -> None:
    """A byte of the head at a time, for ever."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not handler.server.ends.is_set():
            handler.wfile.write(b"x")
            time.sleep(0.02)


def dripping_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        while not handler.server.ends.is_set():
            handler.wfile.write(b"x")
            time.sleep(0.02)


def flooding(handler: Handler) -> None:
    """A gigabyte, or until the sender has had enough."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    with suppress(OSError):
        for _ in range(1 << 10):
            handler.wfile.write(bytes(1 << 20))
        handler.server.received.append(Received("all of it", {}, b""))


class Mailbox:
    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def receiving_mail(**options: Any) -> Iterator[tuple[Mailbox, int]]:
    """The mailbox and the server's port."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield mailbox, int(controller.port)
    finally:
        controller.stop()
