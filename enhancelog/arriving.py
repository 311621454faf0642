"""Request bodies have to arrive: one that stalls ends in 408 and gives its thread back, one that was cut is an error.

granian hands a request over before its body has come, waits for that as long as the sender likes, and passes a body
that broke off for a whole one. Here every 64 KiB must come within ``ENHANCELOG_BODY_TIMEOUT`` seconds, and the whole at
``SLOWEST`` on average after as many. A watcher in every worker answers in the place of threads that wait for longer.
"""

import io
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings

from enhancelog.api.errors import problem_response
from enhancelog.turns import turns

CHUNK: Final = 65536
SLOWEST: Final = 4096
"""Bytes a second."""

_TICK_S: Final = 0.5
_LINGER_S: Final = 0.2
"""From the answer to its breaking off, so that it is on its way by then."""

Runner = Callable[[Any, dict[str, Any]], Any]
"""What granian calls for each request, with its protocol object and the WSGI environ."""


class Exchange:
    """granian's protocol object for one request, to which the watcher may give the answer first."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self.is_over = False

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self._protocol.response_bytes(status, headers, body)

    def response_iter(self, status: int, headers: list[tuple[str, str]], body: Any) -> None:
        if self.is_over:
            body.close()  # which granian leaves out for an answer that comes second
        else:
            self._protocol.response_iter(status, headers, body)

    def give_up(self) -> None:
        """Answer 408 and close the connection, which ends the read that waits for it.

        hyper, below granian, goes on reading after an answer for as long as anybody waits for the body, unless the
        answer breaks off. So one byte more is promised than comes.
        """
        self.is_over = True
        detail = f"The body did not come within {settings.BODY_TIMEOUT_S} s; nothing was changed."
        answer = problem_response(HTTPStatus.REQUEST_TIMEOUT, detail)
        headers = [*answer.items(), ("Content-Length", str(len(answer.content) + 1)), ("Connection", "close")]
        self._protocol.response_iter(answer.status_code, headers, _breaking_off(answer.content))


class Body(io.RawIOBase):
    """The body of one request as it arrives. Reading raises ``TimeoutError`` or ``ConnectionError``."""

    def __init__(self, source: Any, length: int | None, exchange: Exchange) -> None:
        self._source = source
        self._length = length
        self._began = time.monotonic()
        self._received = 0
        self.exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        now = time.monotonic()
        slowest = self._began + settings.BODY_TIMEOUT_S + self._received / SLOWEST
        watcher.expect(self, by=min(now + settings.BODY_TIMEOUT_S, slowest))
        with turns.paused():
            try:
                data: bytes = self._source.read(min(len(buffer), CHUNK))
            finally:
                in_time = watcher.came(self)
        if not in_time:
            raise TimeoutError("the body did not come in time")
        if not data and self._length is not None and self._received < self._length:
            raise ConnectionError(f"the body ended after {self._received:,} of {self._length:,} bytes")
        buffer[: len(data)] = data
        self._received += len(data)
        return len(data)


class Watcher:
    """Knows which bodies are waited for in this process, and until when."""

    def __init__(self) -> None:
        self._deadlines: dict[Body, float] = {}
        self._starting = threading.Lock()
        self._runs = False

    def expect(self, body: Body, by: float) -> None:
        self._deadlines[body] = by
        if not self._runs:
            self._start()

    def came(self, body: Body) -> bool:
        """Whether that was in time; else the answer has been given."""
        return self._deadlines.pop(body, None) is not None

    def _start(self) -> None:
        with self._starting:
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._watch, name="body-watcher", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(_TICK_S)
            now = time.monotonic()
            for body in [body for body, by in self._deadlines.copy().items() if by < now]:
                if not self.came(body):  # it did, at the last moment
                    continue
                threading.Thread(target=body.exchange.give_up, name="body-too-late", daemon=True).start()


watcher = Watcher()


def watched(runner: Runner) -> Runner:
    """The same for granian to call, request by request in turn, with bodies that must arrive."""

    def run(protocol: Any, environ: dict[str, Any]) -> Any:
        length = environ.get("CONTENT_LENGTH", "")
        with turns.turn():
            if length in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ:
                return runner(protocol, environ)
            exchange = Exchange(protocol)
            body = Body(environ["wsgi.input"], int(length) if length.isdigit() else None, exchange)
            return runner(exchange, environ | {"wsgi.input": io.BufferedReader(body, CHUNK)})

    return run


def _breaking_off(content: bytes) -> Iterator[bytes]:
    yield content
    time.sleep(_LINGER_S)
