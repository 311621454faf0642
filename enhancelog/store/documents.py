"""Blueprints' documents, each stored once, most as their difference from an earlier one of the Blueprint."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, cast, get_args

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Q

from enhancelog.backends import dialect, faults, in_parts
from enhancelog.domain import records
from enhancelog.domain.errors import Damaged, RedactedDocument
from enhancelog.domain.observed import Document, DocumentForm
from enhancelog.domain.redactions import Tombstone, tombstones
from enhancelog.domain.times import now_ms
from enhancelog.models import Document as DocumentModel
from enhancelog.models import DocumentRedaction

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# A base is a document that is stored whole; every other refers to one, so reading takes two rows at most. A document
# begins a new base once its difference is larger than what the documents of the current base take on average: that
# keeps 10,000 versions that drift away from the first within 15 % of their text. A redacted document has no text in any
# form and is no base; ``repacking`` gives other bases to those that were based on it.

# Beyond this size, a lower level with a search over long distances: level 9 would take 20 times as long.
LARGE_BYTES: Final = 256 << 10
_Option = zstd.CompressionParameter
_LARGE: Final[dict[int, int]] = {_Option.compression_level: 3, _Option.enable_long_distance_matching: 1}
_SMALL: Final[dict[int, int]] = {_Option.compression_level: 9}
# The window must reach from the end of the text to the start of its base.
_WINDOW_LOGS: Final = range(10, 28)

_TABLE: Final = DocumentModel._meta.db_table
_FORMS: Final[tuple[DocumentForm, ...]] = get_args(DocumentForm)
_COLUMNS: Final = (
    "position", "hash", "form", "blueprint_id", "base", "size", "compressed", "source", "recorded_ms"
)  # fmt: skip
_WHOLE: Final = f"""
    SELECT hash, compressed FROM {_TABLE} WHERE blueprint_id = %s AND form = %s AND base IS NULL AND redacted IS NULL
    ORDER BY position DESC LIMIT 1"""
_OF_BASE: Final = f"SELECT COALESCE(SUM(LENGTH(compressed)), 0), COUNT(*) FROM {_TABLE} WHERE base = %s AND form = %s"
_LAST: Final = f"SELECT COALESCE(MAX(position), 0) FROM {_TABLE}"


class Seen(NamedTuple):
    """A document, and the Blueprint that it was seen with."""

    blueprint_id: str
    document: Document


class Stored(NamedTuple):
    hash: str
    form: DocumentForm
    blueprint_id: str
    text: str
    source: str


# What stays of a redacted document.
class Gone(NamedTuple):
    hash: str
    form: DocumentForm
    blueprint_id: str
    size: int  # bytes of its text
    source: str
    recorded_ms: int  # when it was stored
    tombstone: Tombstone


class Packed(NamedTuple):
    seen: Seen
    base: str | None
    compressed: bytes


class Base:
    """``taken``: bytes that it and ``count - 1`` documents based on it take."""

    def __init__(self, hash: str, text: bytes, taken: int, count: int) -> None:
        self.hash, self.text, self.taken, self.count = hash, text, taken, count

    def pack(self, text: bytes) -> bytes | None:
        """``None``: it is time for a new base."""
        packed = compress(text, self.text)
        if len(packed) * self.count > self.taken:
            return None
        self.taken += len(packed)
        self.count += 1
        return packed


class Batch:
    """Documents to be stored, compressed before the lock is taken."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._seen = list({(each.document.hash, each.document.form): each for each in reversed(seen)}.values())[::-1]
        self._packed: list[Packed] = []
        self._known: set[tuple[str, str]] | None = None
        self._redactions = 0

    def prepare(self, cursor: CursorWrapper) -> None:
        if not self._seen:
            return
        self._redactions = redactions()
        self._known = self._stored(cursor)
        self._packed = list(_pack(cursor, [each for each in self._seen if _key(each) not in self._known]))

    def insert(self, cursor: CursorWrapper, source: str) -> int:
        """Under the append lock; returns how many are new."""
        if not self._seen:
            return 0
        if self._stored(cursor) != self._known or redactions() != self._redactions:
            # Another process stored some of them, or redacted one, perhaps one that was a base here.
            self.prepare(cursor)
        cursor.execute(_LAST)
        last = int(cursor.fetchone()[0])
        recorded_ms = now_ms()
        rows = [_row(position, each, source, recorded_ms) for position, each in enumerate(self._packed, last + 1)]
        if rows:
            dialect().insert_rows(cursor, _TABLE, _COLUMNS, rows)
        return len(rows)

    # A redacted document is stored in all forms, as far as this goes: none comes back.
    def _stored(self, cursor: CursorWrapper) -> set[tuple[str, str]]:
        condition, parameter = dialect().one_of("hash", [each.document.hash for each in self._seen])
        cursor.execute(f"SELECT hash, form, redacted FROM {_TABLE} WHERE {condition}", [parameter])
        return {
            (hash, each)
            for hash, form, redacted in cursor.fetchall()
            for each in ((form,) if redacted is None else _FORMS)
        }


def is_stored(hash: str, form: DocumentForm) -> bool:
    """Or redacted, in any form."""
    with faults():
        return DocumentModel.objects.filter(Q(form=form) | Q(redacted__isnull=False), hash=hash).exists()


def find(hash: str, form: str | None = None) -> Stored | None:
    """The YAML before the JSON, unless ``form`` says which. Raises ``RedactedDocument``, ``Damaged`` or ``Other``."""
    found = look(hash, form)
    if isinstance(found, Gone):
        raise RedactedDocument(found.tombstone.redacted_ms, found.tombstone.why)
    return found


def look(hash: str, form: str | None = None) -> Stored | Gone | None:
    """As ``find``, but also what stays of a redacted document. Raises ``Damaged`` or ``Other``."""
    if not records.is_id(hash):
        return None
    wanted = DocumentModel.objects.filter(hash=hash, **({"form": form} if form else {})).order_by("-form")
    with faults():
        row = wanted.first()
        while row is not None:
            try:
                return _read(row)
            except Damaged:
                read, row = row, wanted.first()
                if row is not None and _stored_as(row) == _stored_as(read):
                    raise
    return None


# What a redaction changes: of the document, or of those that are based on it. The row and its base are read by two
# statements, and it may come between them.
def _stored_as(row: DocumentModel) -> tuple[str | None, str | None, str]:
    return row.base, row.redacted, row.form


def _read(row: DocumentModel) -> Stored | Gone:
    form = cast(DocumentForm, row.form)
    if row.redacted is not None:
        said = row.blueprint_id, row.size, row.source, row.recorded_ms
        return Gone(row.hash, form, *said, _tombstone(row.redacted))
    if row.compressed is None:
        raise Damaged("its text is missing")
    with connection.cursor() as cursor:
        prefix = whole(cursor, row.base, form) if row.base else None
    try:
        text = decompress(bytes(row.compressed), prefix).decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"its text is damaged: {error}") from None
    return Stored(row.hash, form, row.blueprint_id, text, row.source)


# Who reads documents without the append lock asks before, and again when writing what follows.
def redactions() -> int:
    """How many documents were redacted."""
    return DocumentRedaction.objects.count()


# Of these, no form comes back.
def redacted(hashes: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for part in in_parts(list(hashes)):
        found.update(DocumentRedaction.objects.filter(hash__in=part).values_list("hash", flat=True))
    return found


def _tombstone(text: str) -> Tombstone:
    try:
        (tombstone,) = tombstones(text)
    except (msgspec.MsgspecError, ValueError):
        raise Damaged("it was redacted, but what says so is damaged") from None
    return tombstone


def _key(seen: Seen) -> tuple[str, str]:
    return seen.document.hash, seen.document.form


def _pack(cursor: CursorWrapper, wanted: Sequence[Seen]) -> Iterator[Packed]:
    bases: dict[tuple[str, str], Base | None] = {}
    for seen in wanted:
        group = seen.blueprint_id, seen.document.form
        if group not in bases:
            bases[group] = _newest_base(cursor, *group)
        base, text = bases[group], seen.document.text.encode()
        if base is not None and (packed := base.pack(text)) is not None:
            yield Packed(seen, base.hash, packed)
            continue
        compressed = compress(text, None)
        bases[group] = Base(seen.document.hash, text, len(compressed), 1)
        yield Packed(seen, None, compressed)


def _newest_base(cursor: CursorWrapper, blueprint_id: str, form: str) -> Base | None:
    cursor.execute(_WHOLE, [blueprint_id, form])
    row = cursor.fetchone()
    if row is None:
        return None
    hash, compressed = row[0], bytes(row[1])
    try:
        text = decompress(compressed, None)
    except Damaged:
        return None
    cursor.execute(_OF_BASE, [hash, form])
    taken, count = cursor.fetchone()
    return Base(hash, text, len(compressed) + int(taken), 1 + count)


def whole(cursor: CursorWrapper, hash: str, form: str) -> bytes:
    """The text of a document that is stored whole. Raises ``Damaged``."""
    cursor.execute(f"SELECT compressed FROM {_TABLE} WHERE hash = %s AND form = %s", [hash, form])
    row = cursor.fetchone()
    if row is None or row[0] is None:
        raise Damaged(f"the document {hash[:11]}… that it is based on is missing")
    return decompress(bytes(row[0]), None)


def _row(position: int, packed: Packed, source: str, recorded_ms: int) -> tuple[object, ...]:
    (blueprint_id, document), base, compressed = packed
    size = len(document.text.encode())
    return (position, document.hash, document.form, blueprint_id, base, size, compressed, source, recorded_ms)


def compress(text: bytes, prefix: bytes | None) -> bytes:
    reach = len(text) + len(prefix or b"")
    options: dict[int, int] = dict(_SMALL if reach <= LARGE_BYTES else _LARGE)
    options[_Option.window_log] = min(max(reach.bit_length(), _WINDOW_LOGS[0]), _WINDOW_LOGS[-1])
    return zstd.compress(text, options=options, zstd_dict=_as_prefix(prefix))


def decompress(packed: bytes, prefix: bytes | None) -> bytes:
    """Raises ``Damaged``."""
    try:
        return zstd.decompress(packed, zstd_dict=_as_prefix(prefix))
    except zstd.ZstdError as error:
        raise Damaged(f"its text is damaged: {error}") from None


def _as_prefix(text: bytes | None) -> tuple[zstd.ZstdDict, int] | None:
    # zstd takes no dictionary of fewer than 8 bytes.
    return zstd.ZstdDict(text, is_raw=True).as_prefix if text and len(text) >= 8 else None
