"""Blocking HTTP connection to one server, with timeouts and retries. Threads may share it."""

import time
from collections.abc import Callable
from typing import Self, TypeVar

import httpx

from enhancelog.client.endpoint import DEFAULT_URL, TIMEOUT_S, TOTAL_S, Body, Endpoint
from enhancelog.client.exchange import Answer, Call, Request
from enhancelog.client.retries import FAILURES, Failure, Retries, answered, failure_of, turned_away
from enhancelog.domain.errors import StoreError

T = TypeVar("T")


class Connection(Endpoint):
    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        total_s: float = TOTAL_S,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(url, token, timeout_s=timeout_s, total_s=total_s, clock=clock)
        self._sleep = sleep
        self._client = httpx.Client(headers=self._headers, transport=transport, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def run(self, call: Call[T]) -> T:
        try:
            request = next(call)
            while True:
                try:
                    answer = self.send(request)
                except StoreError as error:
                    request = call.throw(error)
                else:
                    request = call.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def send(self, request: Request) -> Answer:
        """Returns an answer of any status that is not retried. Raises ``Other`` if there is none in time."""
        if request.is_brief:
            return self.send_once(request)
        retries = Retries(self, request)
        while True:
            outcome = self._try(retries.request, retries.deadline)
            if isinstance(outcome, Answer):
                return outcome
            self._sleep(retries.after(outcome))

    def send_once(self, request: Request) -> Answer:
        """Like ``send`` without retries. Raises ``Unavailable`` where it would try again, else ``Other``."""
        return answered(self.url, self._try(request, self.deadline(request)))

    def _try(self, request: Request, deadline: float) -> Answer | Failure:
        try:
            with self._client.stream(**self._options(request, deadline)) as response:
                if failure := turned_away(response):
                    return failure
                body = Body(self, response, deadline, request)
                for part in response.iter_raw():
                    body.add(part)
                return body.answer()
        except FAILURES as error:
            return failure_of(error)
