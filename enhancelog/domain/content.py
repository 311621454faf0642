"""Keys, items and errors of the content store, shared by servers and clients."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

from enhancelog.domain.codecs import MAX_COUNT, Codec, Counter
from enhancelog.domain.errors import Invalid, StoreError
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import check_id, is_id

_MIN_COUNT: Final = -(2**63)

_Kind = TypeVar("_Kind")


class Key(NamedTuple):
    story_id: str
    kind: str


class Item(NamedTuple):
    """A key's state at one version. ``value`` is ``None`` if the key was removed. Times are epoch ms."""

    story_id: str
    kind: str
    value: str | None
    version: int
    updated_ms: int
    origin: Origin


class Written(NamedTuple):
    """``created``: the key was absent."""

    item: Item
    created: bool


class Preloaded(NamedTuple):
    created: int = 0
    changed: int = 0
    unchanged: int = 0


class VersionMismatch(StoreError):
    """``current`` is what the key contains (``None``: absent)."""

    def __init__(self, key: Key, current: Item | None) -> None:
        found = f"at version {current.version}" if current else "absent"
        super().__init__(f"{key.kind} of {key.story_id} is {found}, which is not what the change expected")
        self.current = current


class OutOfRange(StoreError):
    def __init__(self, key: Key, by: int, minimum: int) -> None:
        super().__init__(f"{by:+} would take {key.kind} of {key.story_id} out of its range, {minimum} to {MAX_COUNT}")


class NotEmpty(StoreError):
    def __init__(self) -> None:
        super().__init__("the store is not empty; request a merge to import into it")


# Called with the key's current version (0: absent) while it is locked; False refuses the change
Expected = Callable[[int], bool]


def any_version(current: int) -> bool:
    return True


def absent(current: int) -> bool:
    return current == 0


def version(number: int) -> Expected:
    """Exactly this version; 0 means absent."""
    return lambda current: current == number


def kind_in(kinds: Mapping[str, _Kind], name: str) -> _Kind:
    """Raises ``Invalid``, listing the names."""
    try:
        return kinds[name]
    except KeyError:
        raise Invalid("kind", "kind", f"must be one of {', '.join(kinds)}") from None


def check_story_id(story_id: str) -> None:
    """Raises ``Invalid``."""
    # A ":" would make two keys share a raw form.
    check_id(story_id, "story_id")
    if ":" in story_id:
        raise Invalid("story_id", "colon", 'must not contain ":", which separates id and kind in a raw key')


def is_story_id(story_id: str) -> bool:
    return ":" not in story_id and is_id(story_id)


def check_increment(kind: str, codec: Codec, by: int) -> int:
    """The counter's minimum. Raises ``Invalid`` unless ``by`` can be added to this kind."""
    if not isinstance(codec, Counter):
        raise Invalid("kind", "counter", f"{kind} is not a counter")
    if not by or not _MIN_COUNT <= by <= MAX_COUNT:
        raise Invalid("by", "increment", "must be a whole number other than 0, from -2^63 to 2^63 - 1")
    return codec.minimum
