"""Pages, streams, single entries and their neighbors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import msgspec
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from enhancelog.backends import Row, dialect, text_bytes
from enhancelog.domain import cursors, records
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.filters import EntryFilter, Order, Seen
from enhancelog.domain.records import Entry
from enhancelog.domain.redactions import Tombstone, tombstones
from enhancelog.models import Entry as EntryModel
from enhancelog.projections import source_names
from enhancelog.queries.chains import gap
from enhancelog.queries.horizon import begun
from enhancelog.queries.prepared import Statement, fetch, written
from enhancelog.queries.reach import Key, is_one_range, led_to, reach, whole
from enhancelog.queries.selection import Beyond, Entries, Part, beyond, in_order, select
from enhancelog.store.rows import COLUMNS, RECORD, from_row

CHUNK = 1000  # maximum rows per read of a stream
FIRST_CHUNK = 100
CHUNK_BYTES = 1 << 20
PAGE_BYTES = 8 << 20  # maximum text size of a chunk or page; the last entry may exceed it

_TS_MS = COLUMNS.index("ts_ms")

LONG_TEXTS = (
    "intent",
    "rationale",
    "verdicts",
    "reasons",
    "ops",
    "candidate_hash",
    "meta",
)  # columns of unlimited length
_weight = text_bytes(COLUMNS, LONG_TEXTS)


class Cursor(NamedTuple):
    """The last row's key, the last visible position, the start (epoch ms), the filter's fingerprint, what is seen."""

    ts_ms: int
    position: int
    up_to: int
    began_ms: int
    fingerprint: str
    patches: int = 0
    documents: int = 0

    def __str__(self) -> str:
        return cursors.written(self)

    def continued(self, wanted: EntryFilter) -> tuple[EntryFilter, int]:
        return replace(wanted, seen=Seen(self.patches, self.documents)), self.up_to


_cursor = msgspec.msgpack.Decoder(Cursor)


_Value = TypeVar("_Value")


class _Column(Generic[_Value]):
    def __init__(self, column: str = "") -> None:
        self._column = column

    def __set_name__(self, owner: type, name: str) -> None:
        self._place = COLUMNS.index(self._column or name)

    def __get__(self, listed: "Listed", owner: type) -> _Value:
        value: _Value = listed.row[self._place]
        return value


@dataclass(frozen=True)
class Listed:
    """Times are epoch ms. Only ``get`` reads the envelope and the gap."""

    row: Row
    gap: bool = False
    envelope: str | None = None

    position = _Column[int]()
    issue_id = _Column[str]()
    blueprint_id = _Column[str]()
    prev_hash = _Column[str]()
    status = _Column[records.Status]()
    ts_ms = _Column[int]()
    recorded_ms = _Column[int]()
    actor_kind = _Column[str]()
    actor_name = _Column[str]()
    recorded_source = _Column[str]("source")
    digest = _Column[str]()
    redacted = _Column[str | None]()

    @cached_property
    def redactions(self) -> list[Tombstone]:
        """The first one first."""
        return tombstones(self.redacted)

    @property
    def version(self) -> str:
        """Its digest; after a redaction, also how many there were."""
        return f"{self.digest}-{len(self.redactions)}" if self.redacted else self.digest

    @cached_property
    def source(self) -> str:
        """The name under which it is shown."""
        return source_names.current().shown(self.recorded_source)

    @cached_property
    def entry(self) -> Entry:
        return from_row(self.row[RECORD])


@dataclass(frozen=True)
class Page:
    """``stopped``: the scan stopped early; ``next`` continues it."""

    rows: Sequence[Row]
    up_to: int  # the last position that the reading sees, on all its pages
    next: Cursor | None
    stopped: bool = False
    seen: Seen | None = None


def page(wanted: EntryFilter, order: Order, size: int, cursor: str | None = None, *, gaps: bool = False) -> Page:
    """With ``gaps``, each row ends with its gap. Raises ``Invalid`` (cursor)."""
    at = None if cursor is None else read_cursor(cursor, wanted, order)
    wanted, up_to = begun(wanted) if at is None else at.continued(wanted)
    rows, end = _looked_up(wanted, order, size + 1, up_to, at, gaps)
    is_full = len(rows) > size
    rows = rows[:size]
    key = (rows[-1][_TS_MS], rows[-1][0]) if is_full else end
    following = None if key is None else cursor_of(key, wanted, order, up_to)
    return Page(rows, up_to, following, stopped=not is_full and end is not None, seen=wanted.seen)


def cursor_of(key: Key, wanted: EntryFilter, order: str, up_to: int) -> Cursor:
    return Cursor(*key, up_to, wanted.now_ms, wanted.fingerprint(order), *(wanted.seen or ()))


def light_page(wanted: EntryFilter, order: Order, size: int, cursor: str | None = None) -> Page:
    """Like ``page``, but limited to about ``PAGE_BYTES`` of text."""
    rows: list[Row] = []
    weight = 0
    while True:
        part = page(wanted, order, min(FIRST_CHUNK, size - len(rows)), cursor)
        for row in part.rows:
            if weight >= PAGE_BYTES:
                last = rows[-1]
                following = cursor_of((last[_TS_MS], last[0]), replace(wanted, seen=part.seen), order, part.up_to)
                return Page(rows, part.up_to, following, seen=part.seen)
            rows.append(row)
            weight += _weight(row)
        if part.next is None or part.stopped or len(rows) == size or weight >= PAGE_BYTES:
            return Page(rows, part.up_to, part.next, part.stopped, part.seen)
        cursor = str(part.next)


def _looked_up(
    wanted: EntryFilter, order: Order, size: int, up_to: int, at: Cursor | None, gaps: bool
) -> tuple[Sequence[Row], Key | None]:
    ascending = order == "asc"
    after = None if at is None else (at.ts_ms, at.position)
    if not is_one_range(wanted):
        entries, end = reach(wanted, up_to, ascending=ascending, after=after)
        return list(_values(entries, gaps)[:size]), end

    def write(up_to: int, since_ms: int | None, until_ms: int | None, *after: int | None) -> Statement:
        begin = () if after[0] is None or after[1] is None else (beyond(after[0], after[1], ascending=ascending),)
        entries = select(replace(wanted, since_ms=since_ms, until_ms=until_ms), up_to, Part(begin))
        return written(_values(in_order(entries, ascending=ascending), gaps)[:size])

    key = ("page", wanted.key, order, size, gaps)
    return fetch(key, write, up_to, wanted.since_ms, wanted.until_ms, *(after or (None, None))), None


def _values(entries: Entries, gaps: bool) -> Entries:
    columns = (*COLUMNS, "gap") if gaps else COLUMNS
    if gaps:
        entries = entries.annotate(gap=RawSQL(gap(), (), output_field=BooleanField()))
    return entries.values_list(*columns)


def stream(wanted: EntryFilter, order: Order = "asc", up_to: int | None = None) -> Iterator[list[Row]]:
    """In chunks, each a short read."""
    if up_to is None:
        wanted, up_to = begun(wanted)
    ascending = order == "asc"
    led = led_to(wanted, up_to)
    begin: tuple[Beyond, ...] = ()
    size = FIRST_CHUNK
    while True:
        entries = select(wanted, up_to, Part(begin)) if led is None else led.filter(*begin)
        rows, are_all = _read(in_order(entries, ascending=ascending), size, CHUNK_BYTES)
        if rows:
            yield rows
        if are_all:
            return
        begin = (beyond(rows[-1][_TS_MS], rows[-1][0], ascending=ascending),)
        size = min(CHUNK, max(1, CHUNK_BYTES * len(rows) // sum(map(_weight, rows))))


def _read(entries: Entries, size: int, most_bytes: int) -> tuple[list[Row], bool]:
    return dialect().first_rows(entries, COLUMNS, LONG_TEXTS, size, most_bytes)


def tail(wanted: EntryFilter, after: int, size: int) -> tuple[list[Row], int]:
    """In position order, about ``PAGE_BYTES`` at most; also the position to continue from."""
    wanted, up_to = begun(wanted)
    entries = whole(wanted, up_to).order_by("key_position")
    rows: list[Row] = []
    weight = 0
    while len(rows) < size and weight < PAGE_BYTES:
        part, are_all = _read(entries.filter(key_position__gt=after), min(FIRST_CHUNK, size - len(rows)), PAGE_BYTES)
        for row in part:
            if weight >= PAGE_BYTES:
                return rows, after
            rows.append(row)
            weight += _weight(row)
            after = row[0]
        if are_all:
            return rows, max(after, up_to)
    return rows, after


def get(issue_id: str) -> Listed:
    """Raises ``NotFound``, also for an invalid id."""
    found = None
    if records.is_id(issue_id):
        entries = EntryModel.objects.filter(issue_id=issue_id)
        entries = entries.annotate(gap=RawSQL(gap(), (), output_field=BooleanField()))
        found = entries.values_list(*COLUMNS, "gap", "envelope").first()
    if found is None:
        raise NotFound(issue_id)
    return Listed(found[:-2], bool(found[-2]), found[-1])


def neighbors(wanted: EntryFilter, listed: Listed, up_to: int) -> tuple[str | None, str | None]:
    """Issue ids in reach."""
    at = (listed.ts_ms, listed.position)
    newer = reach(wanted, up_to, ascending=True, after=at).entries
    older = reach(wanted, up_to, ascending=False, after=at).entries
    return _first_id(newer), _first_id(older)


def began_ms(cursor: str | None) -> int | None:
    # It fixes what "7d" means on all pages.
    return None if cursor is None else _decoded(cursor).began_ms


def read_cursor(text: str, wanted: EntryFilter, order: str) -> Cursor:
    """Raises ``Invalid``, also for a cursor of another filter or order."""
    cursor = _decoded(text)
    if cursor.fingerprint != wanted.fingerprint(order):
        raise Invalid("cursor", "cursor", "belongs to another filter or order; start again without it")
    return cursor


def is_match(wanted: EntryFilter, at: Cursor) -> bool:
    """Of the entry at the cursor, which was only scanned if the page stopped there."""
    return is_one_range(wanted) or select(*at.continued(wanted)).filter(key_position=at.position).exists()


def _decoded(text: str) -> Cursor:
    cursor = cursors.read(text, _cursor)
    limit = 2**63
    numbers = (*cursor[:3], cursor.patches, cursor.documents)
    if not all(-limit <= number < limit for number in numbers) or not 0 <= cursor.began_ms < 2**48:
        raise Invalid("cursor", "cursor", cursors.INVALID)
    return cursor


def _first_id(entries: Entries) -> str | None:
    return entries.values_list("issue_id", flat=True).first()
