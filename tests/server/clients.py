"""An ASGI client in a test's hands: it says when the next part of a body comes, and when it takes the next message."""

import asyncio
from typing import Any

from enhancelog.server.bodies import Message
from enhancelog.server.front import Front
from tests.waiting import LONGEST_S


class Client:
    """One request to ``front``. Everything the server sends is in ``sent``."""

    def __init__(
        self,
        front: Front,
        method: str = "GET",
        path: str = "/",
        headers: dict[str, str] | None = None,
        query: str = "",
    ) -> None:
        self.scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("192.0.2.1", 4711),
            "server": ("127.0.0.1", 8000),
        }
        self.sent: list[Message] = []
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._reads = asyncio.Event()
        self._reads.set()
        self.running = asyncio.get_running_loop().create_task(front(self.scope, self._receive, self._send))

    def body(self, data: bytes, *, more: bool = False) -> "Client":
        self._incoming.put_nowait({"type": "http.request", "body": data, "more_body": more})
        return self

    def leave(self) -> None:
        self._incoming.put_nowait({"type": "http.disconnect"})

    def stop_reading(self) -> "Client":
        self._reads.clear()
        return self

    def read_on(self) -> None:
        self._reads.set()

    async def ended(self) -> "Client":
        """The same client, once the server is done with it."""
        async with asyncio.timeout(LONGEST_S):
            await asyncio.wait([self.running])
        return self

    @property
    def is_heard(self) -> bool:
        """Whether the server has received all that was sent to it."""
        return self._incoming.empty()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def content(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def is_complete(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False

    async def _receive(self) -> Message:
        return await self._incoming.get()

    async def _send(self, message: Message) -> None:
        await self._reads.wait()
        self.sent.append(message)
