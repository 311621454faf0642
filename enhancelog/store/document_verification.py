"""Verifies documents: their texts, and that what was redacted says so and nothing else changed."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from blake3 import blake3
from django.db.models import Exists, OuterRef, QuerySet

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Damaged, RedactedDocument
from enhancelog.domain.origin import Origin
from enhancelog.domain.redactions import REDACTED, of_document
from enhancelog.models import Document, DocumentRedaction, Version
from enhancelog.store import documents
from enhancelog.store.redacting_documents import left
from enhancelog.store.verification import Part, Progress

BATCH_ROWS: Final = 250

_COLUMNS: Final = ("position", "hash", "form", "size", "redacted")

Row = Sequence[Any]


def _findings(progress: Progress) -> Iterator[str]:
    done = 0
    with faults(), dialect().reading_any_text():
        while rows := list(_rows().filter(position__gt=done)[:BATCH_ROWS]):
            redactions = _redactions(rows)
            for number, row in enumerate(rows, done + 1):
                if row[0] != number:
                    yield f"document {row[0]} where {number} was expected: positions are not dense"
                yield from _findings_of(row, redactions.get(row[1]))
            done = rows[-1][0]
            progress(done)
        yield from _left_over()


def _rows() -> "QuerySet[Document, tuple[Any, ...]]":
    return Document.objects.order_by("position").values_list(*_COLUMNS)


def _redactions(rows: Sequence[Row]) -> dict[str, DocumentRedaction]:
    found = DocumentRedaction.objects.filter(hash__in={row[1] for row in rows})
    return {redaction.hash: redaction for redaction in found}


# A server may redact it meanwhile: then what was read before is read again.
def _findings_of(row: Row, redaction: DocumentRedaction | None) -> Iterator[str]:
    position, hash, form, size, shown = row
    name = f"document {position} ({hash})"
    if redaction is not None and shown is None:
        shown = _rows().filter(position=position).values_list("redacted", flat=True).first()
    if redaction is not None and shown is None:
        yield f"{name} has a redaction that was not carried out"
    elif redaction is not None:
        yield from _unlike_its_redaction(name, position, shown, redaction)
    elif shown is not None:
        yield f"{name} says that it was redacted, but there is no redaction of it"
    else:
        try:
            yield from _unlike_its_hash(name, hash, form, size)
        except RedactedDocument:
            for again in _rows().filter(position=position):
                yield from _findings_of(again, _redactions([again]).get(hash))


def _unlike_its_redaction(name: str, position: int, shown: str, redaction: DocumentRedaction) -> Iterator[str]:
    origin = Origin(redaction.actor_kind, redaction.actor_name, redaction.source)
    about = redaction.hash, redaction.number, redaction.recorded_ms, origin
    try:
        is_sound = of_document(*about, redaction.tombstones, left(redaction.hash)) == redaction.envelope
    except ValueError:  # text that is no UTF-8
        is_sound = False
    if not is_sound or redaction.tombstones != shown:
        yield f"{name} or its redaction was changed"
    if Document.objects.filter(position=position, base=None, compressed=None).count() != 1:
        yield f"{name} still has its text, which was redacted"


def _unlike_its_hash(name: str, hash: str, form: str, size: int) -> Iterator[str]:
    try:
        found = documents.find(hash, form)
    except RedactedDocument:
        raise
    except Damaged as error:
        yield f"{name} cannot be read: {error}"
        return
    text = found.text.encode() if found else b""
    if len(text) != size or (form == "yaml" and blake3(text).hexdigest() != hash):
        yield f"{name} does not match its hash"


def _left_over() -> Iterator[str]:
    stored = Document.objects.filter(hash=OuterRef("hash"))
    for hash in DocumentRedaction.objects.filter(~Exists(stored)).order_by("hash").values_list("hash", flat=True):
        yield f"a redaction is of the document {hash}, which is not stored"
    redacted = DocumentRedaction.objects.filter(hash=OuterRef("hash"))
    said = Version.objects.exclude(rationale__in=("", REDACTED)).filter(Exists(redacted)).order_by("position")
    for position, hash in said.values_list("position", "hash"):
        yield f"version {position} of the redacted document {hash} still has its rationale"


PART: Final = Part("documents", lambda: Document.objects.count(), _findings)
