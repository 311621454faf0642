"""The rows of what patches touch, from entries, patches and documents alone."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from django.db.models import BigIntegerField, Case, Min, OuterRef, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce

from enhancelog.backends import dialect
from enhancelog.domain import blueprint_documents, records, touches
from enhancelog.domain.errors import Damaged
from enhancelog.domain.touches import Touched
from enhancelog.models import Document, Entry, EntryPatch, Patch
from enhancelog.store import documents

CHARACTERS_AT_ONCE: Final = 200_000  # of documents and operations, after which a step ends
ROWS_AT_ONCE: Final = 2_000

TOUCH_COLUMNS: Final = (
    "position", "place", "blueprint_id", "ts_ms", "rejected", "is_whole", "is_named", "has_named", "patch", "document"
)  # fmt: skip
AWAITING_COLUMNS: Final = ("position", "key", "is_missing")

_COLUMNS: Final = ("position", "blueprint_id", "prev_hash", "ts_ms", "status", "tried", "patch")


class Source(NamedTuple):
    """``patch``: 0 for the entry's own operations."""

    position: int
    blueprint_id: str
    prev_hash: str
    ts_ms: int
    status: str
    ops: str | None
    patch: int

    @property
    def key(self) -> str:
        return key_of(self.prev_hash)


class Derived(NamedTuple):
    touches: list[tuple[Any, ...]]
    awaiting: list[tuple[Any, ...]]


class Before(NamedTuple):
    """A document, ``value`` only if it is readable. ``position``: 0 if it is not stored."""

    position: int
    has_yaml: bool
    value: Any = None


def key_of(hash: str) -> str:
    return sha256(hash.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def derive(read: Iterable[Source]) -> tuple[Derived, list[Source]]:
    """Ends early when it has read or made enough; also returns those that it came to."""
    derived, done = Derived([], []), []
    known: dict[str, Before] = {}
    characters = 0
    for source in read:
        found = touches.pointers(source.ops or "[]")
        characters += len(source.ops or "")
        before = Before(0, has_yaml=True)
        if touches.has_indexes(found):
            if source.prev_hash not in known:
                known[source.prev_hash], length = _before(source.prev_hash)
                characters += length
            before = known[source.prev_hash]
        derived.touches.extend(_rows(source, touches.places(found, before.value), before.position))
        if not before.has_yaml:
            derived.awaiting.append((source.position, source.key, before.position == 0))
        done.append(source)
        if characters > CHARACTERS_AT_ONCE or len(derived.touches) > ROWS_AT_ONCE:
            break
    return derived, done


def sources(positions: Sequence[int]) -> list[Source]:
    """The first of these entries, as many as ``derive`` may come to."""
    if not positions:
        return []
    tried = Patch.objects.filter(position=OuterRef("patch")).values("ops")
    entries = _entries(positions).annotate(tried=Coalesce("ops", Subquery(tried), output_field=TextField()))
    with dialect().reading_any_text():
        rows, _ = dialect().first_rows(entries, _COLUMNS, ("tried", "prev_hash"), len(positions), CHARACTERS_AT_ONCE)
    return [Source(*row) for row in rows]


def patches(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Of each of these entries its position, and that of the patch that ``sources`` reads."""
    return list(_entries(positions).values_list("position", "patch"))


def _entries(positions: Sequence[int]) -> QuerySet[Any, Any]:
    joined = EntryPatch.objects.filter(entry_id=OuterRef("position")).order_by().values("entry_id")
    first = Coalesce(Subquery(joined.annotate(first=Min("patch_id")).values("first")), Value(0))
    patch = Case(When(ops__isnull=True, then=first), default=Value(0), output_field=BigIntegerField())
    return Entry.objects.filter(position__in=positions).annotate(patch=patch).order_by("position")


def _rows(source: Source, found: Iterable[Touched], document: int) -> list[tuple[Any, ...]]:
    position, blueprint_id, _, ts_ms, status, _, patch = source
    about = (blueprint_id, ts_ms, status == "rejected")
    return [
        (position, place, *about, is_whole, is_named, has_named, patch, document if is_named else 0)
        for place, is_whole, is_named, has_named in found
    ]


# The YAML, else the JSON; and how many bytes were read, even of one that is not readable.
def _before(hash: str) -> tuple[Before, int]:
    if not records.is_id(hash):
        return Before(0, has_yaml=False), 0
    found = Document.objects.filter(hash=hash).order_by("-form")
    row = found.values_list("position", "form", "size", "redacted").first()
    if row is None:
        return Before(0, has_yaml=False), 0
    position, form, size, redacted = row
    if redacted is not None:
        return Before(position, has_yaml=True), 0  # nothing better will come
    before = Before(position, has_yaml=form == "yaml")
    longest = blueprint_documents.LONGEST if before.has_yaml else blueprint_documents.LONGEST_JSON
    if size > 4 * longest:  # bytes of a character
        return before, 0
    try:
        stored = documents.find(hash, form)
        text = stored.text if stored else ""
        value = blueprint_documents.parse(text, stored.form) if stored else None
    except (blueprint_documents.Unreadable, Damaged):
        return before, size
    return before._replace(value=value), size
