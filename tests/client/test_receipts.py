"""Both clients wait for a receipt of an entry that no checkpoint has yet."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from enhancelog.client.async_log_store import AsyncHttpEnhanceLogStore
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain.errors import NO_SUCH_ENTRY, NotFound, Other
from tests.client import test_async_connection as asynchronous
from tests.client.scripted import Scripted, problem

TOO_EARLY = httpx.Response(503, headers={"Retry-After": "1"})
FOUND = httpx.Response(200, content=b"c2sp.org/tlog-proof@v1\n")


class Asked:
    def __init__(self, result: Callable[[], bytes], server: Any) -> None:
        self.result = result
        self.server = server


def blocking(issue_id: str, *steps: httpx.Response) -> Asked:
    server = Scripted(*steps)
    return Asked(lambda: HttpEnhanceLogStore(server.connection).receipt(issue_id), server)


def with_asyncio(issue_id: str, *steps: httpx.Response) -> Asked:
    server = asynchronous.Scripted(*steps)

    async def receipt(connection: Any) -> bytes:
        return await AsyncHttpEnhanceLogStore(connection).receipt(issue_id)

    return Asked(lambda: bytes(server.run(receipt)), server)


Ask = Callable[..., Asked]
BOTH = pytest.mark.parametrize("ask", [blocking, with_asyncio])


@BOTH
def test_a_new_entry_is_waited_for(ask: Ask) -> None:
    asked = ask("ops/デプロイ 3", TOO_EARLY, TOO_EARLY, FOUND)
    assert asked.result() == FOUND.content
    assert asked.server.now >= 1002
    paths = {request.url.raw_path for request in asked.server.requests}
    assert paths == {b"/v1/evidence/proofs/ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4%203"}


@BOTH
def test_a_server_that_signs_nothing_is_given_up(ask: Ask) -> None:
    with pytest.raises(Other, match="answered 503; gave up after 30 s"):
        ask("h-1", TOO_EARLY).result()


@BOTH
@pytest.mark.parametrize("issue_id", ["h-1", "h" * 400])
def test_a_missing_entry_is_not_found(ask: Ask, issue_id: str) -> None:
    with pytest.raises(NotFound):
        ask(issue_id, httpx.Response(404, text=NO_SUCH_ENTRY)).result()
    asked = ask("..", FOUND)
    with pytest.raises(NotFound):
        asked.result()
    assert asked.server.requests == []


@BOTH
@pytest.mark.parametrize("answer", [httpx.Response(404), problem(404, "There is nothing at this address.")])
def test_an_older_server_says_so(ask: Ask, answer: httpx.Response) -> None:
    with pytest.raises(Other, match="issues no receipts: it is an older release"):
        ask("h-1", answer).result()
