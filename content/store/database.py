"""The content store in SQLite or PostgreSQL. A change locks its keys' rows and adds revisions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from content.kinds import Key, is_story_id, kind_named, raw_key
from content.models import ContentItem, ContentRevision
from content.store import (
    Expected,
    Item,
    NotEmpty,
    OutOfRange,
    Preloaded,
    VersionMismatch,
    Written,
    check_increment,
    check_key,
)
from content.store.envelopes import of_revision
from enhancelog.backends import dialect, faults
from enhancelog.domain.codecs import MAX_COUNT
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.observing import metrics

KEYS_PER_STATEMENT: Final = 500

COLUMNS: Final = ("story_id", "kind", "value", "version", "updated_ms", "actor_kind", "actor_name", "source")

_TABLE: Final = ContentItem._meta.db_table
_LOWEST: Final = -(2**63)

# Counters are stored as text, in the column that all kinds share.
_COUNT: Final = f"CAST(COALESCE({_TABLE}.value, '0') AS BIGINT)"
_COUNT_ON: Final = f"""
    value = CAST({_COUNT} + %s AS TEXT), version = {_TABLE}.version + 1,
    updated_ms = %s, actor_kind = %s, actor_name = %s, source = %s"""
_INCREMENT: Final = f"""
    INSERT INTO {_TABLE} ({", ".join(COLUMNS)}) VALUES (%s, %s, %s, 1, %s, %s, %s, %s)
    ON CONFLICT (story_id, kind) DO UPDATE SET {_COUNT_ON}
    WHERE {_COUNT} BETWEEN %s AND %s RETURNING value, version"""
_INCREMENT_ONLY_IF_THERE: Final = f"""
    UPDATE {_TABLE} SET {_COUNT_ON}
    WHERE story_id = %s AND kind = %s AND {_COUNT} BETWEEN %s AND %s RETURNING value, version"""
_SAVE: Final = f"""
    UPDATE {_TABLE} SET value = %s, version = %s, updated_ms = %s, actor_kind = %s, actor_name = %s, source = %s
    WHERE story_id = %s AND kind = %s"""


class DatabaseContentStore:
    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def read(self, story_id: str, kind: str) -> Item | None:
        if not is_story_id(story_id):
            return None
        items = ContentItem.objects.filter(story_id=story_id, kind=kind_named(kind).name, value__isnull=False)
        with faults():
            return next((to_item(row) for row in items.values_list(*COLUMNS)), None)

    def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written:
        check_key(story_id, kind).codec.validate(value, settings.MAX_CONTENT_BYTES)
        key = Key(story_id, kind)
        with _change():
            _create_missing([key])
            before = _locked(key, expected)
            (item,) = self._save({key: value}, {key: before})
        return Written(item, before.value is None)

    def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        return self.take(story_id, kind, expected=expected) is not None

    def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        check_key(story_id, kind)
        key = Key(story_id, kind)
        with _change():
            before = _locked(key, expected)
            if before.value is None:
                return None
            self._save({key: None}, {key: before})
        return before

    def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        minimum = check_increment(kind, check_key(story_id, kind).codec, by)
        key = Key(story_id, kind)
        with _change():
            if expected:
                _create_missing([key])
                _locked(key, expected)
            item = self._count(key, by, minimum)
            _add_revisions([item])
        return item

    def list_ids(self) -> list[str]:
        with faults():
            return list(_set_items().values_list("story_id", flat=True).order_by("story_id").distinct())

    def raw_keys(self) -> list[str]:
        with faults():
            keys = _set_items().values_list("story_id", "kind").order_by("story_id", "kind")
            return [raw_key(Key(*key)) for key in keys]

    def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        for key, value in values.items():
            check_key(*key).codec.validate(value, settings.MAX_CONTENT_BYTES)
        total = Preloaded()
        keys = sorted(values)
        with _change():
            if not merge:
                _require_empty()
            for start in range(0, len(keys), KEYS_PER_STATEMENT):
                done = self._merge({key: values[key] for key in keys[start : start + KEYS_PER_STATEMENT]})
                total = Preloaded(*map(sum, zip(total, done, strict=True)))
        return total

    def history(self, story_id: str, kind: str) -> list[Item]:
        if not is_story_id(story_id):
            return []
        revisions = ContentRevision.objects.filter(story_id=story_id, kind=kind_named(kind).name).order_by("version")
        with faults():
            return [to_item(row) for row in revisions.values_list(*COLUMNS)]

    def _merge(self, values: Mapping[Key, str]) -> Preloaded:
        _create_missing(list(values))
        held = _lock(list(values))
        changes = {key: value for key, value in values.items() if held[key].value != value}
        self._save(changes, held)
        created = sum(held[key].value is None for key in changes)
        return Preloaded(created, len(changes) - created, len(values) - len(changes))

    def _save(self, values: Mapping[Key, str | None], held: Mapping[Key, Item]) -> list[Item]:
        now = now_ms()
        items = [Item(*key, value, held[key].version + 1, now, self.origin) for key, value in values.items()]
        with connection.cursor() as cursor:
            cursor.executemany(
                _SAVE, [(i.value, i.version, i.updated_ms, *i.origin, i.story_id, i.kind) for i in items]
            )
        _add_revisions(items)
        return items

    # One statement, so that increments need no lock first. A removed counter (NULL) counts as 0.
    def _count(self, key: Key, by: int, minimum: int) -> Item:
        now = now_ms()
        lowest, highest = max(minimum - by, _LOWEST), min(MAX_COUNT - by, MAX_COUNT)
        change = (by, now, *self.origin)
        with connection.cursor() as cursor:
            if lowest > MAX_COUNT:
                raise OutOfRange(key, by, minimum)
            if by >= minimum:
                cursor.execute(_INCREMENT, [*key, str(by), now, *self.origin, *change, lowest, highest])
            else:
                cursor.execute(_INCREMENT_ONLY_IF_THERE, [*change, *key, lowest, highest])
            row = cursor.fetchone()
        if row is None:
            raise OutOfRange(key, by, minimum)
        return Item(*key, row[0], row[1], now, self.origin)


def to_item(row: Sequence[Any]) -> Item:
    """``row``: ``COLUMNS``, and perhaps more."""
    story_id, kind, value, version, updated_ms, *origin = row[:8]
    return Item(story_id, kind, value, version, updated_ms, Origin(*origin))


def _set_items() -> QuerySet[ContentItem]:
    return ContentItem.objects.filter(value__isnull=False)


def _require_empty() -> None:
    with connection.cursor() as cursor:
        dialect().lock_table(cursor, _TABLE)  # or another writer could fill it before this transaction commits
    if _set_items().exists():
        raise NotEmpty


def _create_missing(keys: Sequence[Key]) -> None:
    # A row that is absent cannot be locked. Version 0 is never committed: the change writes version 1 over it.
    rows = [ContentItem(story_id=key.story_id, kind=key.kind, version=0, updated_ms=0) for key in sorted(keys)]
    ContentItem.objects.bulk_create(rows, ignore_conflicts=True)


def _lock(keys: Sequence[Key]) -> dict[Key, Item]:
    stories, kinds = {key.story_id for key in keys}, {key.kind for key in keys}
    rows = ContentItem.objects.select_for_update().filter(story_id__in=stories, kind__in=kinds)
    # In key order, so that no two changes deadlock.
    return {Key(row[0], row[1]): to_item(row) for row in rows.order_by("story_id", "kind").values_list(*COLUMNS)}


def _locked(key: Key, expected: Expected | None) -> Item:
    item = _lock([key]).get(key) or Item(*key, None, 0, 0, Origin("", "", ""))
    current = None if item.value is None else item
    if expected and not expected(current.version if current else 0):
        raise VersionMismatch(key, current)
    return item


def _add_revisions(items: Sequence[Item]) -> None:
    ContentRevision.objects.bulk_create(
        ContentRevision(**dict(zip(COLUMNS, (*item[:5], *item.origin), strict=True)), envelope=of_revision(item))
        for item in items
    )
    transaction.on_commit(partial(metrics.content_written, [item.kind for item in items]))


@contextmanager
def _change() -> Iterator[None]:
    with faults(), transaction.atomic(), connection.cursor() as cursor:
        dialect().require_schema(cursor)
        yield
