"""Content store over the REST API. Threads may share it."""

from collections.abc import Mapping

from enhancelog.client.connection import Connection
from enhancelog.client.content_calls import ContentCalls, Imported
from enhancelog.domain.codecs import MAX_VALUE_BYTES
from enhancelog.domain.content import Expected, Item, Key, Preloaded, Written
from enhancelog.domain.errors import Other


class HttpContentStore:
    """``max_bytes``: the largest value to send; the server has its own limit."""

    def __init__(self, connection: Connection | None = None, max_bytes: int = MAX_VALUE_BYTES) -> None:
        self.connection = connection or Connection.from_environment()
        self._calls = ContentCalls(self.connection, max_bytes)

    def read(self, story_id: str, kind: str) -> Item | None:
        return self.connection.run(self._calls.read(story_id, kind))

    def read_story(self, story_id: str) -> dict[str, Item]:
        """By kind, in one request; empty if absent."""
        return self.connection.run(self._calls.read_story(story_id))

    def read_all(self) -> dict[str, str]:
        """By raw key, in one request (at most 256 MiB)."""
        return self.connection.run(self._calls.read_all())

    def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written:
        return self.connection.run(self._calls.write(story_id, kind, value, expected))

    def write_many(self, values: Mapping[Key, str]) -> Imported:
        """Creates or overwrites, 500 keys or 4 MiB in a request; an unchanged value creates no version. Safe to repeat.
        Raises ``Invalid`` before the first request, or ``Other``; what was sent before stays."""
        return self.connection.run(self._calls.write_many(values))

    def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        return self.connection.run(self._calls.delete(story_id, kind, expected))

    def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        return self.connection.run(self._calls.take(story_id, kind, expected))

    def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        return self.connection.run(self._calls.increment(story_id, kind, by, expected))

    def list_ids(self) -> list[str]:
        return self.connection.run(self._calls.list_ids())

    def raw_keys(self) -> list[str]:
        return self.connection.run(self._calls.raw_keys())

    def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        """Raises ``Invalid`` if the server stored everything but a value that it refuses."""
        return self.connection.run(self._calls.preload(values, merge))

    def history(self, story_id: str, kind: str) -> list[Item]:
        raise Other("the API does not serve histories; see the key's page")
