"""``connection`` for asyncio. Tasks of one event loop may share it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Self, TypeVar

import httpx

from enhancelog.client.endpoint import DEFAULT_URL, TIMEOUT_S, TOTAL_S, Body, Endpoint
from enhancelog.client.exchange import Answer, Call, Request
from enhancelog.client.retries import FAILURES, Failure, Retries, answered, failure_of, turned_away
from enhancelog.domain.errors import StoreError

T = TypeVar("T")


class AsyncConnection(Endpoint):
    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        total_s: float = TOTAL_S,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(url, token, timeout_s=timeout_s, total_s=total_s, clock=clock)
        self._sleep = sleep
        self._client = httpx.AsyncClient(headers=self._headers, transport=transport, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def run(self, call: Call[T]) -> T:
        try:
            request = next(call)
            while True:
                try:
                    answer = await self.send(request)
                except StoreError as error:
                    request = call.throw(error)
                else:
                    request = call.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def send(self, request: Request) -> Answer:
        """Returns an answer of any status that is not retried. Raises ``Other`` if there is none in time."""
        if request.is_brief:
            return answered(self.url, await self._try(request, self.deadline(request)))
        retries = Retries(self, request)
        while True:
            outcome = await self._try(retries.request, retries.deadline)
            if isinstance(outcome, Answer):
                return outcome
            await self._sleep(retries.after(outcome))

    async def _try(self, request: Request, deadline: float) -> Answer | Failure:
        try:
            async with self._client.stream(**self._options(request, deadline)) as response:
                if failure := turned_away(response):
                    return failure
                body = Body(self, response, deadline, request)
                async for part in response.aiter_raw():
                    body.add(part)
                return body.answer()
        except FAILURES as error:
            return failure_of(error)
