"""Writes, edits and withdraws notes. Callers check permissions, and that what a note is about exists."""

import secrets
from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth.models import User

from enhancelog.backends import dialect, faults
from enhancelog.domain import mentions, notes, records
from enhancelog.domain.audit import AuditAct
from enhancelog.domain.errors import Conflict, NotFound
from enhancelog.domain.notes import NoteSubject, Withdrawn
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import Note, NoteVersion
from enhancelog.store import audit
from enhancelog.store import mentions as mentioned_people

_ID_BYTES: Final = 8
_FIRST: Final = 1

Expected = Callable[[int], bool]


def add(subject: NoteSubject, text: str, user: User | None, origin: Origin) -> str:
    """Returns its id. ``user``: whose note it is; a token's owner, too; ``None``: nobody's. Raises ``Invalid``."""
    notes.check_text(text)
    named = _users(text)
    note = Note(
        id=secrets.token_hex(_ID_BYTES),
        about=subject.about,
        about_id=subject.id,
        actor_kind=origin.actor_kind,
        actor_name=origin.actor_name,
        user=user,
        made_ms=now_ms(),
        version=_FIRST,
        text=text,
        mentions=_encoded(named),
    )
    with faults(), dialect().appending():
        note.save(force_insert=True)
        _keep_version(note, note.made_ms)
        mentioned_people.add(note, named, origin)
        _record("note.add", note, origin, mentions=named)
    return str(note.pk)


def edit(note_id: str, text: str, origin: Origin, expected: Expected | None = None) -> int:
    """Returns the version that the note has now; the same text makes no new one. ``expected`` says whether the caller
    knows the version that there is. Raises ``Invalid``, ``NotFound``, ``Withdrawn`` or ``Conflict``."""
    notes.check_text(text)
    named = _users(text)
    with faults(), dialect().appending():
        note = _current(note_id, expected)
        if note.withdrawn_ms is not None:
            raise Withdrawn("the note was withdrawn")
        if note.text == text and note.mentions == _encoded(named):
            return int(note.version)
        told = _told(note)
        note.version += 1
        note.text, note.mentions, note.edited_ms = text, _encoded(named), now_ms()
        note.save(update_fields=["version", "text", "mentions", "edited_ms"])
        _keep_version(note, note.edited_ms)
        new = [name for name in named if name not in told]
        mentioned_people.add(note, new, origin)
        _record("note.edit", note, origin, mentions=new)
    return int(note.version)


def withdraw(note_id: str, origin: Origin, expected: Expected | None = None) -> None:
    """Safe to repeat. Raises ``NotFound`` or ``Conflict``."""
    with faults(), dialect().appending():
        note = _current(note_id, None)
        if note.withdrawn_ms is not None:
            return
        _require(note, expected)
        note.version += 1
        note.text, note.mentions = "", _encoded([])
        note.withdrawn_ms, note.withdrawn_by = now_ms(), origin.actor_name
        note.save(update_fields=["version", "text", "mentions", "withdrawn_ms", "withdrawn_by"])
        _record("note.withdraw", note, origin)


def _current(note_id: str, expected: Expected | None) -> Note:
    note = Note.objects.filter(pk=note_id).first()
    if note is None:
        raise NotFound(note_id)
    _require(note, expected)
    return note


def _require(note: Note, expected: Expected | None) -> None:
    if expected is not None and not expected(note.version):
        raise Conflict(str(note.pk), digest=str(note.version))


def _users(text: str) -> list[str]:
    # Whom the text mentions. Raises ``Invalid`` if these are too many.
    possible = mentions.candidates(text)
    known = User.objects.filter(username__in=possible, is_active=True) if possible else User.objects.none()
    with faults():
        named = mentions.mentioned(text, set(known.values_list("username", flat=True)))
    notes.check_mentions(named)
    return named


def _told(note: Note) -> set[str]:
    # Who was mentioned before is not told again, also if an edit in between left the name out.
    before = NoteVersion.objects.filter(note=note).exclude(mentions=_encoded([])).values_list("mentions", flat=True)
    return {name for mentioned in before.distinct() for name in records.decode_texts(mentioned)}


def _keep_version(note: Note, made_ms: int) -> None:
    NoteVersion.objects.create(note=note, version=note.version, text=note.text, mentions=note.mentions, made_ms=made_ms)


def _record(act: AuditAct, note: Note, origin: Origin, **detail: Any) -> None:
    audit.record(act, origin, note.about, note.about_id, note=note.pk, **detail)


def _encoded(names: list[str]) -> str:
    return records.encode_part(names)
