"""A stand-in for a running engine host: real HTTP on a loopback port, answering what a real one answered.

What is not overridden comes from the recorded exchanges in ``samples/http.json``; anything else is 404.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent / "samples" / "http.json"
LOG = "/v1/enhance/log"
DOCTOR = "/v1/doctor"


class Answer:
    """What is sent: ``declared`` is the Content-Length (none: the end of the connection ends the body)."""

    def __init__(self, body: bytes = b"", status: int = 200, declared: int | None = -1, **headers: str) -> None:
        self.body = body
        self.status = status
        self.declared = len(body) if declared == -1 else declared
        self.headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}


class Slow(Answer):
    """Sends a byte now and then, head included, until it is told to stop, so no single read ever times out."""


class Host:
    """The stand-in; ``requests`` are the paths asked for, in order."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = recorded()
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stopping = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def entries(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.answers[LOG].body)
        return listed

    def list(self, entries: Sequence[Any]) -> None:
        """From now on the log is this."""
        self.answers[LOG] = Answer(json.dumps(list(entries), ensure_ascii=False).encode())

    def start(self) -> None:
        self.stopping.clear()
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def recorded() -> dict[str, Answer]:
    exchanges = json.loads(SAMPLES.read_text())
    return {
        exchange["path"]: Answer(
            exchange["body"].encode(),
            exchange["status"],
            Content_Type=exchange["headers"].get("content-type", ""),
        )
        for exchange in exchanges
    }


@contextmanager
def running() -> Iterator[Host]:
    host = Host()
    host.start()
    try:
        yield host
    finally:
        host.stop()


def _handler(host: Host) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.requests.append(self.path)
            host.headers.append(dict(self.headers))
            answer = host.answers.get(self.path, Answer(b"not found", 404, Content_Type="text/plain; charset=utf-8"))
            if isinstance(answer, Slow):
                self.drip()
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.declared is not None:
                self.send_header("Content-Length", str(answer.declared))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer.body)

        def drip(self) -> None:
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
            while not host.stopping.wait(0.02):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            pass

    return Handler
