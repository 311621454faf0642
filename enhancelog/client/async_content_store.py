"""``content_store`` for asyncio."""

from collections.abc import Mapping

from enhancelog.client.async_connection import AsyncConnection
from enhancelog.client.content_calls import ContentCalls, Imported
from enhancelog.domain.codecs import MAX_VALUE_BYTES
from enhancelog.domain.content import Expected, Item, Key, Preloaded, Written


class AsyncHttpContentStore:
    """``max_bytes``: the largest value to send; the server has its own limit."""

    def __init__(self, connection: AsyncConnection | None = None, max_bytes: int = MAX_VALUE_BYTES) -> None:
        self.connection = connection or AsyncConnection.from_environment()
        self._calls = ContentCalls(self.connection, max_bytes)

    async def read(self, story_id: str, kind: str) -> Item | None:
        return await self.connection.run(self._calls.read(story_id, kind))

    async def read_story(self, story_id: str) -> dict[str, Item]:
        return await self.connection.run(self._calls.read_story(story_id))

    async def read_all(self) -> dict[str, str]:
        return await self.connection.run(self._calls.read_all())

    async def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written:
        return await self.connection.run(self._calls.write(story_id, kind, value, expected))

    async def write_many(self, values: Mapping[Key, str]) -> Imported:
        return await self.connection.run(self._calls.write_many(values))

    async def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        return await self.connection.run(self._calls.delete(story_id, kind, expected))

    async def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        return await self.connection.run(self._calls.take(story_id, kind, expected))

    async def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        return await self.connection.run(self._calls.increment(story_id, kind, by, expected))

    async def list_ids(self) -> list[str]:
        return await self.connection.run(self._calls.list_ids())

    async def raw_keys(self) -> list[str]:
        return await self.connection.run(self._calls.raw_keys())

    async def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        return await self.connection.run(self._calls.preload(values, merge))
