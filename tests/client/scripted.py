"""A server that answers what the test says, and a clock that only moves when somebody sleeps."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from enhancelog.client.connection import Connection

URL = "http://log.test"
TOKEN = "enh_" + "5ec2e7" * 8

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Scripted:
    """Plays ``steps`` in order, the last one for ever; remembers requests and pauses (seconds)."""

    def __init__(self, *steps: Step, token: str = TOKEN, **options: Any) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.now = 1000.0
        self.connection = Connection(
            URL,
            token,
            transport=httpx.MockTransport(self._answer),
            sleep=self._sleep,
            clock=lambda: self.now,
            **options,
        )

    @property
    def sent(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return _unread(step if isinstance(step, httpx.Response) else step(request))

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def _unread(answer: httpx.Response) -> httpx.Response:
    """As it comes from a network; httpx regards a response made of bytes as read."""
    if not answer.is_stream_consumed:
        return answer
    return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))


def problem(
    status: int, detail: str = "", errors: list[dict[str, str]] | None = None, **members: Any
) -> httpx.Response:
    body = {"type": "about:blank", "title": "-", "status": status, "detail": detail, "errors": errors or [], **members}
    return httpx.Response(
        status, content=msgspec.json.encode(body), headers={"Content-Type": "application/problem+json"}
    )


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, content=msgspec.json.encode(value), headers=dict(headers or {}))
