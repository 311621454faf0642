"""Reads of the content store. Lists and exports omit tombstones; ``items`` and histories include them."""

import hashlib
from collections.abc import Container, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Lower, StrIndex, Substr

from content.kinds import KINDS, Key, is_story_id, kind_named
from content.models import ContentItem, ContentRedaction, ContentRevision
from content.store import Item
from content.store.database import COLUMNS, to_item
from enhancelog.backends import faults
from enhancelog.domain import cursors
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin

COUNTED_UP_TO: Final = 10_000
TITLE_CHARS: Final = 200
START: Final = Key("", "")  # before every key

_IDS_IN_A_CHUNK: Final = 1000
_VALUES_IN_A_CHUNK: Final = 100  # a value can have a megabyte


class Filter(NamedTuple):
    """Stories with ``text`` in their id, ignoring ASCII case, and with a value of ``kind``."""

    text: str = ""
    kind: str = ""

    def fingerprint(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


class Story(NamedTuple):
    story_id: str
    kinds: tuple[str, ...]
    beginning: str  # of the main body
    updated_ms: int
    origin: Origin  # of the last change


class Change(NamedTuple):
    item: Item
    before: str | None  # the value that it replaced
    redacted: str | None = None  # as ``domain.redactions.tombstones`` reads it


_cursor = msgspec.msgpack.Decoder(tuple[str, str, str])


def cursor(story_id: str, wanted: Filter, kind: str = "") -> str:
    """The position after a story or, with ``kind``, after a key. It is valid for this filter only."""
    position = (story_id, kind, wanted.fingerprint())
    return cursors.written(position)


def read_cursor(text: str, wanted: Filter) -> str:
    """The story id. Raises ``Invalid`` if the cursor belongs to another filter or to a list of keys."""
    return _read_cursor(text, wanted, [""]).story_id


def read_key_cursor(text: str, wanted: Filter) -> Key:
    """Raises ``Invalid`` if the cursor belongs to another filter or to a list of stories."""
    return _read_cursor(text, wanted, KINDS)


def _read_cursor(text: str, wanted: Filter, kinds: Container[str]) -> Key:
    story_id, kind, fingerprint = cursors.read(text, _cursor)
    if fingerprint != wanted.fingerprint() or not is_story_id(story_id) or kind not in kinds:
        raise Invalid("cursor", "cursor", "belongs to another list or filter; start again without it")
    return Key(story_id, kind)


def story_ids(wanted: Filter, after: str = "", limit: int = _IDS_IN_A_CHUNK) -> list[str]:
    """Ids greater than ``after``, in code point order."""
    items = _matching(wanted).filter(story_id__gt=after)
    with faults():
        return list(items.order_by("story_id").values_list("story_id", flat=True).distinct()[:limit])


def keys(wanted: Filter, after: Key = START, limit: int = _IDS_IN_A_CHUNK) -> list[Key]:
    """By story id and kind, in code point order. With a kind, only its keys."""
    with faults():
        return [Key(*row) for row in _beyond(_matching(wanted), after).values_list("story_id", "kind")[:limit]]


def kinds_of(ids: Sequence[str]) -> list[tuple[str, list[str]]]:
    with faults():
        keys = list(_set_items().filter(story_id__in=ids).values_list("story_id", "kind"))
    held: dict[str, set[str]] = {story_id: set() for story_id in ids}
    for story_id, kind in keys:
        held[story_id].add(kind)
    return [(story_id, [kind for kind in KINDS if kind in kinds]) for story_id, kinds in held.items()]


def stories(ids: Sequence[str]) -> list[Story]:
    main = next(kind.name for kind in KINDS.values() if kind.bare)
    items = _set_items().filter(story_id__in=ids).annotate(beginning=Substr("value", 1, TITLE_CHARS))
    columns = ("story_id", "kind", "beginning", "updated_ms", "actor_kind", "actor_name", "source")
    rows: dict[str, list[Any]] = {story_id: [] for story_id in ids}
    with faults():
        for row in items.order_by("updated_ms").values_list(*columns):
            rows[row[0]].append(row)
    found: list[Story] = []
    for story_id, mine in rows.items():
        if mine:
            kinds = {row[1]: row[2] for row in mine}
            ordered = tuple(kind for kind in KINDS if kind in kinds)
            found.append(Story(story_id, ordered, kinds.get(main, ""), mine[-1][3], Origin(*mine[-1][4:7])))
    return found


def all_story_ids(wanted: Filter) -> Iterator[list[str]]:
    after = ""
    while ids := story_ids(wanted, after):
        yield ids
        after = ids[-1]


def all_keys(wanted: Filter) -> Iterator[list[Key]]:
    after = START
    while found := keys(wanted, after):
        yield found
        after = found[-1]


def all_items() -> Iterator[list[tuple[Key, str]]]:
    """In chunks, each a short read."""
    after = START
    while True:
        items = _beyond(_set_items(), after).values_list("story_id", "kind", "value")
        with faults():
            rows: list[Any] = list(items[:_VALUES_IN_A_CHUNK])
        if rows:
            yield [(Key(row[0], row[1]), row[2]) for row in rows]
        if len(rows) < _VALUES_IN_A_CHUNK:
            return
        after = Key(rows[-1][0], rows[-1][1])


def count_items() -> int:
    with faults():
        return _set_items().count()


def counts_by_kind() -> dict[str, int]:
    """Stories by kind, counted up to ``COUNTED_UP_TO + 1``."""
    one = (
        f"(SELECT COUNT(*) FROM (SELECT 1 FROM {ContentItem._meta.db_table}"
        f" WHERE kind = %s AND value IS NOT NULL LIMIT {COUNTED_UP_TO + 1}) counted)"
    )
    with faults(), connection.cursor() as db:
        db.execute(f"SELECT {', '.join([one] * len(KINDS))}", list(KINDS))
        return dict(zip(KINDS, db.fetchone(), strict=True))


def items(story_id: str) -> dict[str, Item]:
    """By kind, in table order. Empty for an invalid id."""
    return items_of([story_id])[story_id]


def redacted(story_id: str) -> int:
    """How many values of this story were redacted."""
    if not is_story_id(story_id):
        return 0
    with faults():
        return ContentRedaction.objects.filter(story_id=story_id).count()


def items_of(story_ids: Sequence[str]) -> dict[str, dict[str, Item]]:
    held: dict[str, dict[str, Item]] = {story_id: {} for story_id in story_ids}
    possible = [story_id for story_id in held if is_story_id(story_id)]
    if possible:
        with faults():
            for row in ContentItem.objects.filter(story_id__in=possible).values_list(*COLUMNS):
                held[row[0]][row[1]] = to_item(row)
    return {story_id: {kind: kinds[kind] for kind in KINDS if kind in kinds} for story_id, kinds in held.items()}


def revision(story_id: str, kind: str, version: int) -> Item | None:
    with faults():
        rows = _revisions(Q(story_id=story_id, kind=kind, version=version))
        return next((to_item(row) for row in rows.values_list(*COLUMNS)), None)


def changes_of_key(story_id: str, kind: str, size: int, before: int | None = None) -> list[Change]:
    """Newest first; only versions below ``before``."""
    wanted = Q(story_id=story_id, kind=kind) & (Q() if before is None else Q(version__lt=before))
    with faults():
        rows = list(_revisions(wanted).order_by("-version").values_list(*COLUMNS, "redacted")[: size + 1])
    found = [to_item(row) for row in rows]
    older = [*(item.value for item in found[1:]), None]
    return [Change(item, value, row[-1]) for item, value, row in zip(found[:size], older, rows, strict=False)]


def latest_changes(story_id: str, size: int) -> list[Change]:
    previous = ContentRevision.objects.filter(
        story_id=OuterRef("story_id"), kind=OuterRef("kind"), version=OuterRef("version") - 1
    )
    found = _revisions(Q(story_id=story_id)).annotate(before=Subquery(previous.values("value")))
    with faults():
        rows = found.order_by(F("updated_ms").desc(), F("id").desc()).values_list(*COLUMNS, "redacted", "before")[:size]
        return [Change(to_item(row), row[-1], row[-2]) for row in rows]


def _set_items() -> QuerySet[ContentItem]:
    return ContentItem.objects.filter(value__isnull=False)


def _matching(wanted: Filter) -> QuerySet[ContentItem]:
    items = _set_items()
    if wanted.kind:
        items = items.filter(kind=kind_named(wanted.kind).name)
    if wanted.text:
        needle = wanted.text.encode().lower().decode()  # bytes know ASCII's case only
        items = items.annotate(at=StrIndex(Lower("story_id"), Value(needle))).filter(at__gt=0)
    return items


def _beyond(items: QuerySet[ContentItem], after: Key) -> QuerySet[ContentItem]:
    items = items.filter(story_id__gte=after.story_id)
    return items.exclude(story_id=after.story_id, kind__lte=after.kind).order_by("story_id", "kind")


def _revisions(condition: Q) -> QuerySet[ContentRevision]:
    return ContentRevision.objects.filter(condition)
