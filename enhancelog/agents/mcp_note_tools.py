"""A tool that writes notes, as in ``mcp_log_tools``."""

from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from enhancelog.agents.mcp_parameters import OptionalText
from enhancelog.client.connection import Connection
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain.notes import MAX_TEXT, NoteAbout

_IDS: Final = 'The id of the pattern, entry, Blueprint or marker; "" is a Blueprint\'s id, too.'


class AddedNote(TypedDict):
    """``mentions``: users that were told."""

    id: str
    about: NoteAbout
    about_id: str
    mentions: list[str]


class NoteTools:
    def __init__(self, connection: Connection) -> None:
        self._log = HttpEnhanceLogStore(connection)

    def add_note(
        self,
        about: NoteAbout,
        id: Annotated[str, OptionalText, Field(description=_IDS)],
        text: Annotated[str, Field(description=f"Markdown, at most {MAX_TEXT:,} characters; @name tells that user.")],
    ) -> AddedNote:
        """Write a note that people see beside a pattern, an entry, a Blueprint or a marker.

        Not safe to repeat: each call writes another note.
        Example: {"about": "entry", "id": "h-1", "text": "The axis judged the **old** document. @ada"}
        """
        made = self._log.add_note(about, id, text)
        return {"id": made.id, "about": made.about, "about_id": made.about_id, "mentions": made.mentions}
