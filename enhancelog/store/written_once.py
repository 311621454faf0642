"""The tables that triggers protect, and what a redaction may take out of their rows."""

from typing import Final

from django.db.models import Model

from enhancelog.backends import write_once
from enhancelog.backends.redacting import (
    DETAILS,
    NOTHING,
    REDACTED,
    SEALED,
    TEXTS,
    VALUES,
    Recorded,
    Redacting,
    Repacked,
    recorded,
)
from enhancelog.domain.redactions import NO_OPERATIONS
from enhancelog.models import (
    Answer,
    AuditRecord,
    Document,
    DocumentRedaction,
    Entry,
    KeptTexts,
    NoteVersion,
    Observation,
    Patch,
    RedactedPatch,
    Redaction,
    SourceChange,
    StateChange,
    UnfinishedRunChange,
    Version,
)
from enhancelog.store import redacted_hosts, redacting_documents, repacking

_NO_OPERATIONS: Final = f"'{NO_OPERATIONS}'"

_OF_ENTRY: Final = {
    "intent": REDACTED,
    "rationale": REDACTED,
    "verdicts": DETAILS,
    "reasons": TEXTS,
    "ops": _NO_OPERATIONS,
    "meta": VALUES,
    "digest": SEALED,
    "envelope": SEALED,
    "salt": NOTHING,
}
_OF_PATCH: Final = {"ops": _NO_OPERATIONS, "rationale": REDACTED}
_OF_ANSWER: Final = {"text": REDACTED, **_OF_PATCH}


def columns(table: type[Model]) -> list[str]:
    return [str(field.column) for field in table._meta.concrete_fields]


def register() -> None:
    of_entry = Recorded(_name(Redaction), ["position"], _name(KeptTexts))
    _register(Entry, ("position",), ("issue_id",), redacting=recorded(columns(Entry), _OF_ENTRY, of_entry))
    _register(Redaction, ("position", "number"))
    _register(RedactedPatch, ("patch", "number"))
    of_patch = Redacting(columns(Patch), _OF_PATCH, redacted_hosts.OF_PATCH)
    _register(Patch, ("position",), ("source", "digest"), redacting=of_patch)
    of_document = Recorded(_name(DocumentRedaction), ["hash"], None)
    repacked = Repacked(repacking.CHANGED, repacking.ALLOWED)
    document = recorded(columns(Document), dict.fromkeys(repacking.CHANGED, NOTHING), of_document, repacked)
    _register(Document, ("position",), ("hash", "form"), redacting=document)
    _register(DocumentRedaction, ("hash", "number"))
    of_version = Redacting(columns(Version), {"rationale": REDACTED}, redacting_documents.OF_VERSION)
    _register(Version, ("position",), ("source", "blueprint_id", "number", "hash"), redacting=of_version)
    of_answer = Redacting(columns(Answer), _OF_ANSWER, redacted_hosts.OF_ANSWER)
    _register(Answer, ("position",), ("source", "digest"), redacting=of_answer)
    _register(Observation, ("id",))
    of_change = Redacting(columns(UnfinishedRunChange), {"reason": REDACTED}, redacted_hosts.OF_RUN)
    _register(UnfinishedRunChange, ("id",), redacting=of_change)
    _register(AuditRecord, ("position",))
    _register(SourceChange, ("id",))
    _register(StateChange, ("id",))
    _register(NoteVersion, ("id",), ("note_id", "version"))


def _register(table: type[Model], *keys: tuple[str, ...], redacting: Redacting | None = None) -> None:
    write_once.register(_name(table), *keys, redacting=redacting)


def _name(table: type[Model]) -> str:
    return table._meta.db_table
