"""Notes, and what they are about."""

import re
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import Q, QuerySet

from enhancelog.backends import faults
from enhancelog.domain import cursors, records
from enhancelog.domain.notes import NoteAuthor, NoteRevision, NoteState, NoteSubject, NoteWithRevisions
from enhancelog.models import Note, NoteVersion, Template
from enhancelog.queries import entries_by_id, pattern_ids
from enhancelog.queries.markers import listing
from enhancelog.queries.patterns import detail
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.standing import standing

PAGE: Final = 20
MOST: Final = 50  # of a page of the API
MOST_REVISIONS: Final = 20

_ID: Final = re.compile(r"[0-9a-f]{16}\Z")
_position: Final = msgspec.msgpack.Decoder(tuple[int, str])

_COLUMNS: Final = [field.attname for field in Note._meta.concrete_fields]
# Pages have the newest notes about what they show; Django would take longer to compose this than the database to run.
_NEWEST: Final = f"""
    SELECT {", ".join(_COLUMNS)} FROM {Note._meta.db_table}
    WHERE about = %s AND about_id = %s ORDER BY made_ms DESC, id DESC LIMIT %s"""


class NotePage(msgspec.Struct, frozen=True):
    """Newest first. ``cursor``: of the next page, empty if there is none."""

    notes: list[Note]
    cursor: str


def known(subject: NoteSubject) -> NoteSubject | None:
    """By its current id: a joined template is its pattern."""
    with faults():
        if subject.about == "pattern":
            pattern = detail.known(subject.id)
            return None if pattern is None else NoteSubject("pattern", pattern.id)
        if subject.about == "entry":
            exists = entries_by_id.exists(subject.id)
        elif subject.about == "blueprint":
            exists = standing(subject.id) is not None
        else:
            exists = listing.known(subject.id) is not None
    return subject if exists else None


def page(subject: NoteSubject, cursor: str = "", most: int = PAGE) -> NotePage:
    """Of a pattern, also the notes that were written about the templates it has now. Raises ``Invalid``."""
    with faults():
        if cursor or subject.about == "pattern":
            found = list(_rows(subject, cursor)[: most + 1])
        else:
            rows = run(Statement(_NEWEST, (*subject, most + 1)))
            found = [Note.from_db(connection.alias, _COLUMNS, row) for row in rows]
    last = found[most - 1] if len(found) > most else None
    return NotePage(found[:most], "" if last is None else cursors.written((last.made_ms, last.pk)))


def _rows(subject: NoteSubject, cursor: str) -> QuerySet[Note]:
    rows = Note.objects.filter(_about(subject)).order_by("-made_ms", "-id")
    if cursor:
        made_ms, note_id = cursors.read(cursor, _position)
        rows = rows.filter(Q(made_ms__lt=made_ms) | Q(made_ms=made_ms, id__lt=note_id), made_ms__lte=made_ms)
    return rows


def note(note_id: str) -> Note | None:
    if not _ID.match(note_id):
        return None
    with faults():
        return Note.objects.filter(pk=note_id).first()


def revisions(found: Note) -> list[NoteRevision]:
    # The newest, newest first; none of a withdrawn note.
    if found.withdrawn_ms is not None:
        return []
    with faults():
        rows = list(NoteVersion.objects.filter(note=found).order_by("-version")[:MOST_REVISIONS])
    return [
        NoteRevision(version=row.version, text=row.text, mentions=names(row.mentions), made_ms=row.made_ms)
        for row in rows
    ]


def state(found: Note) -> NoteState:
    return NoteState(
        id=found.pk,
        about=found.about,
        about_id=found.about_id,
        author=NoteAuthor(found.actor_kind, found.actor_name),
        text=found.text,
        mentions=names(found.mentions),
        version=found.version,
        made_ms=found.made_ms,
        edited_ms=found.edited_ms,
        withdrawn_ms=found.withdrawn_ms,
        withdrawn_by=found.withdrawn_by,
    )


def with_revisions(found: Note) -> NoteWithRevisions:
    return NoteWithRevisions(**msgspec.structs.asdict(state(found)), revisions=revisions(found))


def names(mentions: str) -> list[str]:
    return list(records.decode_texts(mentions))


def _about(subject: NoteSubject) -> Q:
    if subject.about != "pattern":
        return Q(about=subject.about, about_id=subject.id)
    return Q(about="pattern", about_id__in=_templates(subject.id))


def _templates(pattern_id: str) -> QuerySet[Any]:
    # Templates of earlier rules point to a current one, which points to its leader.
    return Template.objects.filter(pattern__pattern=pattern_ids.leader(pattern_id)).values("key")
