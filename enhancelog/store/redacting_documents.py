"""Takes the text out of a document, out of what was derived from it, and the rationales of its versions."""

from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Count, Model

from enhancelog.backends import dialect, faults, schema
from enhancelog.domain import records, redactions
from enhancelog.domain.errors import Damaged, Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.redactions import REDACTED, Tombstone
from enhancelog.domain.times import now_ms
from enhancelog.models import Document, DocumentRedaction, Touch, TouchAwaiting, TouchPending, Version
from enhancelog.store import audit, documents, touch_derivation
from enhancelog.store.repacking import Repacking

TABLES: Final[tuple[type[Model], ...]] = (Document, Version, Touch, TouchAwaiting, TouchPending)

# What stays of each form.
LEFT: Final = ("position", "form", "blueprint_id", "size", "source", "recorded_ms")

_VERSION: Final = Version._meta.db_table
_SAID: Final = f"hash = %s AND rationale NOT IN ('', '{REDACTED}')"

# What triggers allow: the rationale of a version may go once its document was redacted.
OF_VERSION: Final = f"EXISTS (SELECT 1 FROM {DocumentRedaction._meta.db_table} gone WHERE gone.hash = OLD.hash)"


class Looked(NamedTuple):
    hash: str
    blueprint_id: str
    forms: Sequence[str]
    tombstone: Tombstone | None  # if it is redacted already
    rationales: int  # of versions
    based: int  # documents that are stored as their difference from it
    others: int  # documents of the Blueprint that are not redacted


def look(hash: str) -> Looked:
    """Raises ``Invalid``: there is no such document."""
    with faults():
        rows = list(Document.objects.filter(hash=hash).order_by("-form")) if records.is_id(hash) else []
        if not rows:
            raise Invalid("document", "unknown", f"{hash[:80]} is not stored")
        tombstone = next((redactions.tombstones(row.redacted)[0] for row in rows if row.redacted), None)
        rationales = Version.objects.filter(hash=hash).exclude(rationale__in=("", REDACTED)).count()
        based = Document.objects.filter(base=hash).count()
        of_blueprint = Document.objects.filter(blueprint_id=rows[0].blueprint_id, redacted=None).exclude(hash=hash)
        others = of_blueprint.aggregate(hashes=Count("hash", distinct=True))["hashes"]
    return Looked(hash, rows[0].blueprint_id, [row.form for row in rows], tombstone, rationales, based, others)


# Touched places are left to their derivation, and what no row has any more to ``Dialect.erase``.
def redact(hash: str, why: str, origin: Origin) -> int:
    """All or nothing; returns how many documents have another base now. Raises ``Invalid`` or ``Other``."""
    why = redactions.checked_why(why)
    with faults():
        while (repacked := _redact(hash, why, origin)) is None:
            pass
    return repacked


# ``None``: meanwhile, a document was redacted that may have become a base here.
def _redact(hash: str, why: str, origin: Origin) -> int | None:
    found = _not_redacted(hash)
    before = documents.redactions()
    with ExitStack() as stack:
        repackings = [stack.enter_context(closing(Repacking(hash, form))) for form in found.forms]
        with connection.cursor() as cursor:
            for repacking in repackings:
                repacking.prepare(cursor)
        with dialect().erasing(), dialect().appending() as cursor:
            schema.require_own()
            found = _not_redacted(hash)
            if documents.redactions() != before or len(found.forms) != len(repackings):
                return None
            _check_repeats(why, found)
            for repacking in repackings:
                repacking.prepare(cursor)  # what came since
            _record(found, why, origin)
            repacked = sum(repacking.carry_out(cursor) for repacking in repackings)
            cursor.execute(f"UPDATE {_VERSION} SET rationale = '{REDACTED}' WHERE {_SAID}", [hash])
            touch_derivation.forget_document(cursor, hash)
            audit.record("document.redact", origin, "document", hash, why=why)
    return repacked


def _not_redacted(hash: str) -> Looked:
    found = look(hash)
    if found.tombstone is not None:
        raise Invalid("document", "redacted", f"{hash} is redacted already")
    return found


def _check_repeats(why: str, found: Looked) -> None:
    rationales = Version.objects.filter(hash=found.hash).exclude(rationale="")
    redactions.check_repeats(why, rationales.values_list("rationale", flat=True))
    said = why.casefold()
    for form in found.forms:
        with suppress(Damaged):
            stored = documents.find(found.hash, form)
            # The whole reason is searched in the text: a text of many lines is in no reason.
            redactions.check_repeats(why, [said] if stored and said in stored.text.casefold() else [])


def _record(found: Looked, why: str, origin: Origin) -> None:
    recorded_ms = now_ms()
    fields = ["text", *(["rationale"] if found.rationales else [])]
    tombstones = redactions.with_tombstone(None, Tombstone(fields, recorded_ms, why))
    sealed = redactions.of_document(found.hash, 1, recorded_ms, origin, tombstones, left(found.hash))
    # Its trigger takes the text out of the document.
    redaction = DocumentRedaction(
        hash=found.hash,
        number=1,
        recorded_ms=recorded_ms,
        **origin._asdict(),
        tombstones=tombstones,
        envelope=sealed,
    )
    DocumentRedaction.objects.bulk_create([redaction])


def left(hash: str) -> list[tuple[str | int, ...]]:
    return list(Document.objects.filter(hash=hash).order_by("form").values_list(*LEFT))


def tables() -> list[str]:
    return [table._meta.db_table for table in TABLES]
