"""Verifies that envelopes match, a key's versions are consecutive, and an item equals its latest revision."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import Exists, OuterRef

from content.models import ContentItem, ContentRedaction, ContentRevision
from content.store import Item
from content.store.database import COLUMNS, to_item
from content.store.envelopes import of_redaction, of_revision
from enhancelog.backends import dialect, faults
from enhancelog.domain.origin import Origin

ROWS_PER_READ: Final = 100  # each row may hold a value of the maximum size

Row = Sequence[Any]

_REVISIONS: Final = ContentRevision._meta.db_table
_ITEMS: Final = ContentItem._meta.db_table
_ORDER: Final = "story_id, kind, is_item, version"


# SQLite does not enforce the types of columns.
class _Columns(msgspec.Struct):
    story_id: str
    kind: str
    value: str | None
    version: int
    updated_ms: int
    actor_kind: str
    actor_name: str
    source: str
    envelope: str
    redacted: str | None
    id: int
    is_item: int


def total() -> int:
    with faults():
        return ContentRevision.objects.count() + ContentItem.objects.count()


def findings(progress: Callable[[int], None]) -> Iterator[str]:
    """One line a problem. ``progress`` gets the number of rows read. Raises ``Other``."""
    with faults(), dialect().reading_any_text():
        for (story_id, kind), rows in groupby(_rows(progress), lambda row: (row[0], row[1])):
            for said in _check_key(rows):
                yield f"{kind} of {story_id}{said}"
        yield from _not_carried_out()


def _check_key(rows: Iterable[Row]) -> Iterator[str]:
    latest: Item | None = None
    last_id = 0
    item: Item | None = None
    for row in rows:
        try:
            columns = msgspec.convert(dict(zip(_Columns.__struct_fields__, row, strict=True)), _Columns)
            stored = to_item(row)
            envelope = of_revision(stored)
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            yield f", version {row[3]!r}, cannot be read: {error}"
            continue
        if columns.is_item:
            item = stored
            continue
        expected = latest.version + 1 if latest else 1
        if stored.version != expected:
            yield f": version {stored.version} where {expected} was expected"
        if columns.redacted is not None:
            yield from _check_redaction(stored, columns.redacted)
        elif envelope != columns.envelope:
            yield f", version {stored.version}, does not match its envelope"
        if columns.id <= last_id:
            yield f", version {stored.version}, was stored before the version it follows"
        latest, last_id = stored, columns.id
    if item is None:
        yield " has revisions but no item"
    elif latest is None:
        yield " has an item but no revisions"
    elif item != latest:
        yield f" differs from its latest revision, version {latest.version}"


def _check_redaction(left: Item, shown: str) -> Iterator[str]:
    row = ContentRedaction.objects.filter(story_id=left.story_id, kind=left.kind, version=left.version).first()
    name = f", version {left.version},"
    if row is None:
        yield f"{name} says that it was redacted, but there is no redaction of it"
        return
    origin = Origin(row.actor_kind, row.actor_name, row.source)
    envelopes = of_redaction(left, row.recorded_ms, origin, shown), of_revision(left._replace(value=None))
    if row.tombstones != shown or (row.envelope, row.digest) != envelopes:
        yield f"{name} or its redaction was changed"
    if left.value is not None:
        yield f"{name} still has its value, which was redacted"


def _not_carried_out() -> Iterator[str]:
    of_key = {name: OuterRef(name) for name in ("story_id", "kind", "version")}
    carried_out = ContentRevision.objects.filter(**of_key, redacted=OuterRef("tombstones"))
    for row in ContentRedaction.objects.filter(~Exists(carried_out)):
        yield f"{row} has a redaction that was not carried out"


# By key: its revisions by version, then its item. Short reads keep no writer waiting. They are consistent:
# revisions are immutable, and an item is read by the statement that reads the last of its revisions.
def _rows(progress: Callable[[int], None]) -> Iterator[Row]:
    done, after = 0, ("", "", 1, 0)
    while rows := _read(*after):
        yield from rows
        done += len(rows)
        progress(done)
        story_id, kind, _, version = rows[-1][:4]
        after = (story_id, kind, rows[-1][-1], version)


def _read(story_id: Any, kind: Any, is_item: int, version: Any) -> list[Row]:
    # Comparisons of whole rows are answered by the index of each table's keys.
    (story, of_kind, number), values = zip(*map(_bound, (story_id, kind, version)), strict=True)
    key, columns = f"{story}, {of_kind}", ", ".join(COLUMNS)
    if is_item:
        revisions, items, parameters = f"(story_id, kind) > ({key})", ">", [*values[:2], *values[:2]]
    else:
        revisions, items, parameters = f"(story_id, kind, version) > ({key}, {number})", ">=", [*values, *values[:2]]
    statement = f"""
        SELECT * FROM (
            SELECT {columns}, envelope, redacted, id, 0 AS is_item FROM {_REVISIONS}
            WHERE {revisions} ORDER BY story_id, kind, version LIMIT {ROWS_PER_READ}) revision
        UNION ALL SELECT * FROM (
            SELECT {columns}, '' AS envelope, NULL AS redacted, id, 1 AS is_item FROM {_ITEMS}
            WHERE (story_id, kind) {items} ({key}) ORDER BY story_id, kind LIMIT {ROWS_PER_READ}) item
        ORDER BY {_ORDER} LIMIT {ROWS_PER_READ}"""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _bound(value: Any) -> tuple[str, Any]:
    # Bytes that are not UTF-8 were read as surrogates, which no driver binds. They go back as they were.
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return "CAST(%s AS TEXT)", value.encode("utf-8", "surrogateescape")
    return "%s", value
