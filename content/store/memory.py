"""The content store in a dictionary, for tests."""

import threading
from collections.abc import Mapping

from content.kinds import Key, kind_named, raw_key
from content.store import (
    Expected,
    Item,
    NotEmpty,
    OutOfRange,
    Preloaded,
    VersionMismatch,
    Written,
    any_version,
    check_increment,
    check_key,
)
from enhancelog.domain.codecs import MAX_COUNT, MAX_VALUE_BYTES
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms


class InMemoryContentStore:
    def __init__(self, origin: Origin, max_bytes: int = MAX_VALUE_BYTES) -> None:
        self.origin = origin
        self.max_bytes = max_bytes
        self._versions: dict[Key, list[Item]] = {}
        self._lock = threading.RLock()  # tests share it between threads

    def read(self, story_id: str, kind: str) -> Item | None:
        versions = self._versions.get(Key(story_id, kind_named(kind).name))
        return versions[-1] if versions and versions[-1].value is not None else None

    def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written:
        check_key(story_id, kind).codec.validate(value, self.max_bytes)
        with self._lock:
            before = self._expect(Key(story_id, kind), expected)
            return Written(self._add(Key(story_id, kind), value), before is None)

    def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        return self.take(story_id, kind, expected=expected) is not None

    def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        check_key(story_id, kind)
        with self._lock:
            before = self._expect(Key(story_id, kind), expected)
            if before:
                self._add(Key(story_id, kind), None)
            return before

    def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        minimum = check_increment(kind, check_key(story_id, kind).codec, by)
        key = Key(story_id, kind)
        with self._lock:
            before = self._expect(key, expected)
            count = by + (int(before.value or 0) if before else 0)
            if not minimum <= count <= MAX_COUNT:
                raise OutOfRange(key, by, minimum)
            return self._add(key, str(count))

    def list_ids(self) -> list[str]:
        return sorted({key.story_id for key in self._set_keys()})

    def raw_keys(self) -> list[str]:
        return [raw_key(key) for key in sorted(self._set_keys())]

    def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        for key, value in values.items():
            check_key(*key).codec.validate(value, self.max_bytes)
        with self._lock:
            if not merge and self._set_keys():
                raise NotEmpty
            before = {key: self.read(*key) for key in values}
            for key, value in values.items():
                if (item := before[key]) is None or item.value != value:
                    self._add(key, value)
        held = [(item.value == values[key] if item else None) for key, item in before.items()]
        return Preloaded(held.count(None), held.count(False), held.count(True))

    def history(self, story_id: str, kind: str) -> list[Item]:
        return list(self._versions.get(Key(story_id, kind_named(kind).name), ()))

    def _expect(self, key: Key, expected: Expected | None) -> Item | None:
        item = self.read(*key)
        if not (expected or any_version)(item.version if item else 0):
            raise VersionMismatch(key, item)
        return item

    def _add(self, key: Key, value: str | None) -> Item:
        versions = self._versions.setdefault(key, [])
        versions.append(Item(*key, value, len(versions) + 1, now_ms(), self.origin))
        return versions[-1]

    def _set_keys(self) -> list[Key]:
        with self._lock:
            return [Key(story_id, kind) for story_id, kind in self._versions if self.read(story_id, kind)]
