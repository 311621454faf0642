"""Notes on the page of what they are about."""

from typing import Final, NamedTuple

from django.http import HttpRequest

from enhancelog import links
from enhancelog.accounts.note_owners import owns
from enhancelog.accounts.permissions import allows
from enhancelog.domain.notes import NoteAbout, NoteSubject
from enhancelog.models import Note
from enhancelog.queries import notes as queries
from enhancelog.web.markdown import markdown

ABOVE_A_LIST: Final = 3

SECTIONS: Final[dict[NoteAbout, str]] = {
    "pattern": "patterns",
    "entry": "blueprints",
    "blueprint": "blueprints",
    "marker": "markers",
}


class ShownNote(NamedTuple):
    note: Note
    text: str  # safe HTML
    is_own: bool

    @property
    def element_id(self) -> str:
        return f"note-{self.note.pk}"


class NotesPanel(NamedTuple):
    """``back``: the page that the form returns to."""

    about: str
    rows: list[ShownNote]
    older_url: str
    may_write: bool
    back: str

    @property
    def is_shown(self) -> bool:
        return bool(self.rows) or self.may_write


def panel(request: HttpRequest, subject: NoteSubject, cursor: str = "", most: int = queries.PAGE) -> NotesPanel:
    # Raises ``Invalid`` for a wrong cursor.
    found = queries.page(subject, cursor, most)
    may_write = allows(request.user, "triage:write")
    return NotesPanel(
        about=str(subject),
        rows=[shown(request, note) for note in found.notes],
        older_url=links.notes(str(subject), [("cursor", found.cursor)]) if found.cursor else "",
        may_write=may_write,
        back=request.get_full_path(),
    )


def shown(request: HttpRequest, note: Note) -> ShownNote:
    is_own = note.withdrawn_ms is None and allows(request.user, "triage:write") and owns(request.user, note)
    return ShownNote(note, rendered(note.text, note.mentions), is_own)


def rendered(text: str, mentions: str) -> str:
    return markdown(text, tuple(queries.names(mentions)))


def page_of(subject: NoteSubject) -> str:
    return links.NOTED[subject.about](subject.id)
