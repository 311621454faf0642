"""The content store: text under typed keys, every change a version, behind one protocol.

Nothing happens silently: a value that breaks its kind's rule is ``Invalid`` or ``TooLarge``, a version that is not the
expected one ``VersionMismatch``, a fault of the backend ``Other``, and then nothing has changed. Versions of a key
start at 1 and never restart: a deleted or taken key leaves a tombstone, which reads as absent.
"""

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
    """What every backend promises. An id that the rules refuse is absent to reads and ``Invalid`` to changes."""

    def read(self, story_id: str, kind: str) -> Item | None:
        """The item, ``None`` when absent."""

    def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written:
        """Overwrite or create."""

    def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        """Remove; whether there was something. Idempotent."""

    def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        """Read and remove in one step: of many at once exactly one gets the item, the others ``None``."""

    def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        """Add ``by`` to a counter, atomically; an absent one starts at ``by``. Raises ``OutOfRange``."""

    def list_ids(self) -> list[str]:
        """Every story id that holds something, by code point."""

    def raw_keys(self) -> list[str]:
        """Every key that holds something, raw, by story id and kind."""

    def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        """Write all of them or nothing. Raises ``NotEmpty`` unless the store is empty or ``merge`` is asked for."""

    def history(self, story_id: str, kind: str) -> list[Item]:
        """Every version of the key, removals included, oldest first."""


def check_key(story_id: str, kind: str) -> Kind:
    """The kind, when the key may be written. Raises ``Invalid``."""
    check_story_id(story_id)
    return kind_named(kind)


def open_store(origin: Origin) -> ContentStore:
    """The configured database's store; what it writes carries ``origin``."""
    from content.store.database import DatabaseContentStore

    return DatabaseContentStore(origin)
