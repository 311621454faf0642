"""The content store: text under typed keys, every change a version, behind one protocol."""

# A change that raises (``Invalid``, ``TooLarge``, ``VersionMismatch``, ``Other``) has no effect. Versions of a key
# start at 1 and never restart: deleting or taking a key leaves a tombstone, which reads as absent.

from collections.abc import Mapping
from typing import Protocol

from content.kinds import Kind, check_story_id, kind_named
from enhancelog.domain.content import (
    Expected,
    Item,
    Key,
    NotEmpty,
    OutOfRange,
    Preloaded,
    VersionMismatch,
    Written,
    absent,
    any_version,
    check_increment,
    version,
)
from enhancelog.domain.origin import Origin

__all__ = [
    "ContentStore",
    "Expected",
    "Item",
    "NotEmpty",
    "OutOfRange",
    "Preloaded",
    "VersionMismatch",
    "Written",
    "absent",
    "any_version",
    "check_increment",
    "check_key",
    "open_store",
    "version",
]


class ContentStore(Protocol):
    """The contract of every backend. An invalid id is absent to reads and ``Invalid`` to changes."""

    def read(self, story_id: str, kind: str) -> Item | None: ...

    def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written: ...

    def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        """Idempotent. Returns whether there was a value."""

    def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        """Reads and removes atomically: exactly one caller gets the item."""

    def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        """Adds atomically; an absent counter starts at 0. Raises ``OutOfRange``."""

    def list_ids(self) -> list[str]:
        """Only with a value, in code point order."""

    def raw_keys(self) -> list[str]:
        """Only with a value, by story id and kind."""

    def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        """Writes all or none. Raises ``NotEmpty`` unless ``merge`` or the store is empty."""

    def history(self, story_id: str, kind: str) -> list[Item]:
        """Oldest first, tombstones included."""


def check_key(story_id: str, kind: str) -> Kind:
    """Raises ``Invalid``."""
    check_story_id(story_id)
    return kind_named(kind)


def open_store(origin: Origin) -> ContentStore:
    from content.store.database import DatabaseContentStore

    return DatabaseContentStore(origin)
