"""A log that is quick to ask: it answers appends as the server does, and keeps them in memory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import msgspec

from enhancelog.domain import records
from tests.client.scripted import problem

BROKEN = [{"field": "intent", "rule": "value", "detail": "is not nice"}]


class Log:
    """A server that keeps what it is sent. ``refuse`` may answer a request instead; ids in ``bad`` are invalid."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.requests: list[httpx.Request] = []
        self.bad: set[str] = set()
        self.refuse: Callable[[httpx.Request], httpx.Response | None] = lambda request: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if answer := self.refuse(request):
            return answer
        lines = request.content.split(b"\n")
        if request.method == "PUT":
            result = self._take(lines[0])
            if result == "invalid":
                return problem(400, "intent: is not nice", BROKEN)
            if result == "conflict":
                return problem(409, "already stored", identical=False, differs=["intent"])
            return httpx.Response(201 if result == "created" else 200)
        results = [{"line": number, "result": self._take(line)} for number, line in enumerate(lines, 1)]
        return httpx.Response(200, content=msgspec.json.Encoder().encode_lines(results))

    def _take(self, line: bytes) -> str:
        issue_id = records.decode(line).issue_id
        if issue_id in self.bad:
            return "invalid"
        if (known := self.stored.setdefault(issue_id, line)) is not line:
            return "identical" if known == line else "conflict"
        return "created"


@contextmanager
def listening(log: Log) -> Iterator[str]:
    """The address at which ``log`` answers for other processes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = log(httpx.Request(self.command, f"http://log.test{self.path}", content=body))
            self.wfile.write(
                f"HTTP/1.1 {answer.status_code} -\r\nContent-Length: {len(answer.content)}\r\n"
                f"Content-Type: {answer.headers.get('Content-Type', '')}\r\n\r\n".encode()
                + answer.content
            )

        do_PUT = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients are killed
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
