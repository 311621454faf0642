"""A server with evidence, in memory; what it shows can be changed, as only somebody who cheats can."""

from typing import Any

import httpx

from enhancelog.client.async_connection import AsyncConnection
from enhancelog.client.connection import Connection
from enhancelog.evidence import growth_files, proofs
from enhancelog.evidence.growth_files import GrowthFile
from enhancelog.evidence.keys import SigningKey
from tests.client.scripted import TOKEN, URL
from tests.evidence.logs import KEY, Log

LOG = Log(100)
FORK = Log(100, "forked")


class Evident:
    """``answers``: by path, instead of the true ones."""

    def __init__(self, size: int = 41, log: Log = LOG, url: str = URL) -> None:
        self.log = log
        self.size = size
        self.keys: list[SigningKey] = [KEY]
        self.listed: list[SigningKey] | None = None  # other than those that sign
        self.answers: dict[str, httpx.Response | Exception] = {}
        self.asked: list[str] = []
        self.url = url

    @property
    def note(self) -> bytes:
        return self.log.signed(self.size, *self.keys)

    def connection(self, **options: Any) -> Connection:
        return Connection(self.url, TOKEN, transport=httpx.MockTransport(self._answer), sleep=_never, **options)

    def async_connection(self) -> AsyncConnection:
        async def answer(request: httpx.Request) -> httpx.Response:
            return self._answer(request)

        return AsyncConnection(self.url, TOKEN, transport=httpx.MockTransport(answer))

    def growth(self, first: int) -> bytes:
        return growth_files.write(
            GrowthFile(first, proofs.consistency(first, self.size, self.log.tree.read), self.note)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        what = request.url.path.rpartition("/")[2]
        self.asked.append(what)
        found = self.answers.get(what) or self._true(what, int(request.url.params.get("first", 0)))
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found.status_code, headers=found.headers, stream=httpx.ByteStream(found.content))

    def _true(self, what: str, first: int) -> httpx.Response:
        if what == "keys":
            lines = (f"{key.verifier}\n" for key in (self.keys if self.listed is None else self.listed))
            return httpx.Response(200, text="".join(lines))
        if what == "checkpoint":
            return httpx.Response(200, content=self.note)
        if what != "consistency" or first > self.size:
            return httpx.Response(404 if what != "consistency" else 400)
        return httpx.Response(200, content=self.growth(first))


def _never(seconds: float) -> None:
    raise AssertionError(f"a witness does not wait, not for {seconds} s")
