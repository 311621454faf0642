"""The content store: text under typed keys, every change a version, behind one protocol.

A change that raises (``Invalid``, ``TooLarge``, ``VersionMismatch``, ``Other``) has no effect. Versions of a key
start at 1 and never restart: deleting or taking a key leaves a tombstone, which reads as absent.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from content.codecs import MAX_COUNT
from content.kinds import Key, Kind, check_story_id, kind_named
from enhancelog.domain.errors import Invalid, StoreError
from enhancelog.domain.origin import Origin

MIN_INT64: Final = -(2**63)

Expected = Callable[[int], bool]
"""Asked with the key's current version (0: absent) while nobody else can change it; False refuses the change."""


class Item(NamedTuple):
    """A key's state at one version. ``value`` is ``None`` where the key was removed. Times are epoch milliseconds."""

    story_id: str
    kind: str
    value: str | None
    version: int
    updated_ms: int
    origin: Origin


class Written(NamedTuple):
    """``created``: the key was absent before."""

    item: Item
    created: bool


class Preloaded(NamedTuple):
    """How many keys a preload made, changed, and found to hold the very value."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0


class VersionMismatch(StoreError):
    """The key is not at an expected version; ``current`` is what it holds (``None``: absent)."""

    def __init__(self, key: Key, current: Item | None) -> None:
        found = f"at version {current.version}" if current else "absent"
        super().__init__(f"{key.kind} of {key.story_id} is {found}, which is not what the change expected")
        self.current = current


class OutOfRange(StoreError):
    """An increment would leave the counter's range."""

    def __init__(self, key: Key, by: int, minimum: int) -> None:
        super().__init__(f"{by:+} takes {key.kind} of {key.story_id} out of its range, {minimum} to {MAX_COUNT}")


class NotEmpty(StoreError):
    """An import without merge into a store that is not empty."""

    def __init__(self) -> None:
        super().__init__("the store is not empty; to import into it, ask for a merge")


class ContentStore(Protocol):
    """The contract of every backend. An invalid id is absent to reads and ``Invalid`` to changes."""

    def read(self, story_id: str, kind: str) -> Item | None:
        """``None`` if absent."""

    def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written:
        """Creates or overwrites."""

    def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        """Idempotent. Returns whether there was a value."""

    def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        """Reads and removes atomically: exactly one caller gets the item."""

    def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        """Adds atomically; an absent counter starts at 0. Raises ``OutOfRange``."""

    def list_ids(self) -> list[str]:
        """Ids of stories with a value, in code point order."""

    def raw_keys(self) -> list[str]:
        """Raw keys with a value, by story id and kind."""

    def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        """Writes all or none. Raises ``NotEmpty`` unless ``merge`` or the store is empty."""

    def history(self, story_id: str, kind: str) -> list[Item]:
        """Oldest first, tombstones included."""


def any_version(current: int) -> bool:
    return True


def absent(current: int) -> bool:
    return current == 0


def version(number: int) -> Expected:
    """Exactly this version; 0 means absent."""
    return lambda current: current == number


def check_key(story_id: str, kind: str) -> Kind:
    """The kind of a valid key. Raises ``Invalid``."""
    check_story_id(story_id)
    return kind_named(kind)


def check_increment(kind: Kind, by: int) -> int:
    """The counter's minimum, when ``by`` can be added to this kind. Raises ``Invalid``."""
    minimum = getattr(kind.codec, "minimum", None)
    if minimum is None:
        raise Invalid("kind", "counter", f"{kind.name} is no counter")
    if not by or not MIN_INT64 <= by <= MAX_COUNT:
        raise Invalid("by", "increment", "must be a whole number other than 0, from -2^63 to 2^63 - 1")
    return int(minimum)


def open_store(origin: Origin) -> ContentStore:
    """The configured database's store. Its changes carry ``origin``."""
    from content.store.database import DatabaseContentStore

    return DatabaseContentStore(origin)
