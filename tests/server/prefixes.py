"""A proxy with several servers, each under a path of its own, which it passes on or cuts off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

from tests.waiting import LONGEST_S


class Place(NamedTuple):
    address: str
    cuts_path: bool


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    places: Mapping[str, Place]

    def _pass_on(self) -> None:
        path = next((path for path in self.places if f"{self.path}/".startswith((f"{path}/", f"{path}?"))), None)
        if path is None:
            self.send_error(404, "no server has this path")
            return
        place = self.places[path]
        target = self.path.removeprefix(path) if place.cuts_path else self.path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = HTTPConnection(place.address, timeout=LONGEST_S)
        server.request(self.command, target if target.startswith("/") else f"/{target}", body, dict(self.headers))
        answer = server.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        server.close()

    do_GET = do_HEAD = do_POST = do_PUT = _pass_on

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def proxy(port: int, places: Mapping[str, Place]) -> Iterator[None]:
    handler = type("Handler", (_Handler,), {"places": places})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()
