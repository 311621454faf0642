"""Where else a text is that is to be redacted: what people wrote, other entries, and what hosts keep."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import groupby, islice
from operator import or_
from typing import Any, Final, NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, F, Model, Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from enhancelog.backends import faults
from enhancelog.domain import entry_texts, redactions
from enhancelog.domain.errors import Damaged
from enhancelog.domain.searched_texts import SearchedDocument, address_says, as_json, json_says, odd_in_json
from enhancelog.models import (
    Answer,
    AuditRecord,
    Document,
    Entry,
    EntryPatch,
    HostIssue,
    Marker,
    Note,
    NoteVersion,
    Patch,
    Review,
    SavedView,
    StateChange,
    UnfinishedRun,
    UnfinishedRunChange,
    Version,
)
from enhancelog.queries.containing import containing
from enhancelog.store import documents
from enhancelog.store.redacting import Taken

MOST: Final = 20  # of a kind
MOST_TEXTS: Final = 20
ROWS_AT_ONCE: Final = 100  # each with all operations of a patch
# What is named by the hash of a document, and goes with it.
DOCUMENTS: Final = "documents"
VERSIONS: Final = "versions of documents"


class Holding(NamedTuple):
    """``more``: there are others."""

    what: str
    ids: Sequence[str]
    more: bool

    def __str__(self) -> str:
        return f"{self.what}: {', '.join(self.ids)}{' …' if self.more else ''}"


class Place(NamedTuple):
    """``columns`` are searched as they are, ``json`` and ``addresses`` as what they say; ``name`` names a row."""

    what: str
    table: type[Model]
    columns: Sequence[str]
    name: str
    json: Sequence[str] = ()
    addresses: Sequence[str] = ()
    most: int | None = MOST  # so many are named; None: all, because each is to be redacted


def holding(taken: Taken) -> list[Holding]:
    """What has a text that ``taken`` takes out, and keeps it. Reads the whole log, so it is for commands. A text is
    found only as a whole. Raises ``Other``.
    """
    texts = searched(taken)[:MOST_TEXTS]
    if not texts:
        return []
    with faults():
        found = [
            _same_entry(taken, texts),
            _entries(texts, taken.position),
            *(rows(place, texts, _goes_too(place, taken)) for place in _PLACES),
            _documents(taken, texts),
        ]
    return [each for each in found if each.ids]


def searched(taken: Taken) -> list[str]:
    """The texts to search, which may be more than ``MOST_TEXTS``."""
    return [text for text in taken.all_texts if len(text) >= redactions.SHORTEST]


_PLACES: Final = (
    Place("notes", Note, ("text",), "pk"),
    Place("former versions of notes", NoteVersion, ("text",), "note_id"),
    Place("states of patterns", StateChange, ("note",), "pk"),
    Place("reviews of entries at position", Review, ("reason",), "position"),
    Place("markers", Marker, ("title", "note"), "pk"),
    Place("saved views", SavedView, ("name", "url"), "pk", addresses=("url",)),
    Place("records of the audit", AuditRecord, (), "pk", json=("detail",)),
    Place("issues of hosts", HostIssue, ("intent", "detail"), "issue_id"),
    Place("unfinished runs", UnfinishedRun, ("intent", "reason"), "issue_id", json=("ops",)),
    Place("former states of unfinished runs", UnfinishedRunChange, ("reason",), "run__issue_id"),
    Place(VERSIONS, Version, ("rationale",), "hash", most=None),
    Place("patches of hosts", Patch, ("rationale",), "pk", json=("ops",)),
    Place("answers of hosts", Answer, ("rationale", "text"), "pk", json=("text", "ops")),
)


def rows(place: Place, texts: Sequence[str], left_out: Q | None = None) -> Holding:
    """The rows of the place that have one of the texts."""
    if not texts:
        return Holding(place.what, [], more=False)
    found = place.table._default_manager.order_by(place.name)
    found = found if left_out is None else found.exclude(left_out)
    return _first(place.what, _names(place, found, _has(place, texts), texts), place.most)


def _goes_too(place: Place, taken: Taken) -> Q | None:
    # A redaction takes these texts out as well (``store.redacted_hosts``).
    if place.table in (HostIssue, UnfinishedRun):
        return Q(issue_id=taken.after.issue_id)
    if place.table is UnfinishedRunChange:
        return Q(run__issue_id=taken.after.issue_id)
    joined = Patch.objects.filter(pk__in=EntryPatch.objects.filter(entry_id=taken.position).values("patch_id"))
    if place.table is Patch and {"ops", "rationale"} <= set(taken.fields):
        return Q(pk__in=joined)
    if place.table is Answer and {"ops", "rationale"} & set(taken.fields):
        return ~Q(answer_digest="") & Q(answer_digest__in=joined.values("answer_digest"))
    return None


# ``sure``: finds what has a text as encoders write it. Of the rest, only what may write it in another way is read.
def _names(place: Place, rows: "QuerySet[Any, Any]", sure: Q, texts: Sequence[str]) -> Iterator[object]:
    rows = rows.annotate(is_sure=ExpressionWrapper(sure, BooleanField())).filter(sure | _is_odd(place, texts))
    columns = [*place.json, *place.addresses]
    found = (
        name
        for name, is_sure, *written in rows.values_list(place.name, "is_sure", *columns).iterator(ROWS_AT_ONCE)
        if is_sure or _says(place, written, texts)
    )
    yield from (name for name, _ in groupby(found))


def _is_odd(place: Place, texts: Sequence[str]) -> Q:
    return _any_has(place.json, odd_in_json(texts)) | _any_has(place.addresses, ("%", "+"))


def _says(place: Place, written: Sequence[str | None], texts: Sequence[str]) -> bool:
    of_json = len(place.json)
    return any(each and json_says(each, texts) for each in written[:of_json]) or any(
        each and address_says(each, texts) for each in written[of_json:]
    )


# Not LIKE: SQLite refuses patterns of 50,000 bytes.
def _has(place: Place, texts: Sequence[str]) -> Q:
    return _any_has(place.columns, texts) | _any_has(place.json, as_json(texts))


def _any_has(columns: Sequence[str], texts: Sequence[str]) -> Q:
    wanted = Q()
    for column in columns:
        for text in texts:
            wanted |= Q(GreaterThan(StrIndex(F(column), Value(text)), 0))
    return wanted


def _same_entry(taken: Taken, texts: Sequence[str]) -> Holding:
    entry = taken.after
    left = [entry.intent, entry.rationale, *entry.reasons, *(verdict.detail for verdict in entry.verdicts)]
    left += entry_texts.strings(entry)
    has = any(text in each for text in texts for each in left)
    return Holding("other fields of the same entry", [entry.issue_id] * has, more=False)


def _entries(texts: Sequence[str], position: int) -> Holding:
    others: QuerySet[Entry, Entry] = Entry.objects.exclude(position=position).order_by("position")
    having = reduce(or_, (Q(containing(text)) for text in texts), _has(_PARTS, texts))
    return _first("entries", _names(_PARTS, others, having, texts))


_PARTS: Final = Place("entries", Entry, (), "issue_id", json=("ops", "meta"))


def _first(what: str, ids: Iterable[object], most: int | None = MOST) -> Holding:
    found = [str(each) for each in islice(ids, None if most is None else most + 1)]
    return Holding(what, found[:most], most is not None and len(found) > most)


# Those of the Blueprint, and those of the run if they were first seen with another one. One is read after the other.
def _documents(taken: Taken, texts: Sequence[str]) -> Holding:
    entry = taken.after
    candidate = entry.candidate_hash if isinstance(entry.candidate_hash, str) else ""
    of_blueprint = Document.objects.filter(blueprint_id=entry.blueprint_id, redacted=None).order_by("position")
    hashes = [entry.prev_hash, entry.new_hash, candidate, *of_blueprint.values_list("hash", flat=True)]
    having = (hash for hash in dict.fromkeys(hashes) if (found := _document(hash)) and found.says(texts))
    return _first(DOCUMENTS, having, most=None)


def _document(hash: str) -> SearchedDocument | None:
    try:
        stored = documents.find(hash)
    except Damaged:
        return None
    return SearchedDocument(stored.text, stored.form) if stored else None


# Those of the runs that made this document. Reads all entries of its Blueprint, so it is for commands.
def with_parts_of(hash: str) -> list[Holding]:
    """Whose operations have a text of it. Raises ``Other``."""
    with faults():
        document = _document(hash)
        row = Document.objects.filter(hash=hash).first()
        if row is None or document is None:
            return []
        entries = Entry.objects.filter(Q(new_hash=hash) | Q(candidate_hash=hash), blueprint_id=row.blueprint_id)
        tried = Patch.objects.filter(candidate_hash=hash)
        found = [
            _having_parts("operations of entries", entries.exclude(ops=None), "issue_id", document),
            _having_parts("operations of patches of hosts", tried, "position", document),
        ]
    return [each for each in found if each.ids]


def _having_parts(what: str, rows: "QuerySet[Any, Any]", name: str, document: SearchedDocument) -> Holding:
    each = rows.order_by("position").values_list(name, "ops").iterator(ROWS_AT_ONCE)
    return _first(what, (id for id, ops in each if document.says(_long(ops))))


def _long(ops: str) -> list[str]:
    return [value for value in entry_texts.strings_of_ops(ops.encode()) if len(value) >= redactions.SHORTEST]
