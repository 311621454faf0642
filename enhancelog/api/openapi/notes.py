from typing import Any, Final

from enhancelog.api.openapi.parts import (
    NOT_MODIFIED,
    READ_ERRORS,
    WRITE_ERRORS,
    Part,
    answer,
    array_of,
    content,
    header,
    in_path,
    operation,
    query,
    ref,
    schemas_of,
)
from enhancelog.domain.notes import MAX_MENTIONS, NoteState, NoteWithRevisions, WrittenNote
from enhancelog.queries.notes import MOST, MOST_REVISIONS

SCHEMAS = schemas_of(NoteState, NoteWithRevisions, WrittenNote)

_NOTE: Final[dict[str, Any]] = {
    "id": "5b1f0c9a77d3e204",
    "about": "pattern",
    "about_id": "8e1f0a6d3b5c7a90",
    "author": {"kind": "user", "name": "ada"},
    "text": "The prompt asks for a *whole* file. @bob, can you change it?",
    "mentions": ["bob"],
    "version": 2,
    "made_ms": 1794528000000,
    "edited_ms": 1794531600000,
    "withdrawn_ms": None,
    "withdrawn_by": None,
}
_REVISIONS: Final = [
    {"version": 2, "text": _NOTE["text"], "mentions": ["bob"], "made_ms": 1794531600000},
    {"version": 1, "text": "The prompt asks for a whole file.", "mentions": [], "made_ms": 1794528000000},
]
# An id has no control characters and is not "." or ".."; a Blueprint's may be empty.
_ABOUT_PATTERN: Final = (
    r"^(blueprint:|(pattern|entry|blueprint|marker):"
    r"(?!\.{1,2}$)[^\u0000-\u001f\u007f-\u009f]+)$"
)
_ABOUT: Final = query(
    "about",
    {"type": "string", "pattern": _ABOUT_PATTERN},
    "What the notes are about: `pattern:`, `entry:`, `blueprint:` or `marker:`, then its id.",
    required=True,
) | {"example": "entry:h-1"}
_ID: Final = in_path("note_id", {"type": "string", "minLength": 1}, _NOTE["id"])
IF_MATCH: Final = header(
    "If-Match", {"type": "string", "pattern": '^((W/)?"[0-9]{1,9}"|\\*)$'}, "Change only this version."
)
_SHOWN: Final = content(ref("NoteState"), _NOTE)
_TEXT: Final = content(ref("WrittenNote"), {"text": _NOTE["text"]})

OPERATIONS: Final[dict[str, Part]] = {
    "/v1/notes": {
        "get": operation(
            "list_notes",
            "triage",
            "Notes about one thing, newest first",
            {
                "200": answer(
                    f"At most {MOST}. Notes about a pattern include those about the templates that it joined.",
                    content(array_of(ref("NoteState")), [_NOTE]),
                    "Next",
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[_ABOUT, query("cursor", {"type": "string"}, "From the `next` link.")],
            errors=(*READ_ERRORS, "404"),
        ),
        "post": operation(
            "add_note",
            "triage",
            "Write a note",
            {"201": answer("The note.", _SHOWN, "Location", "ETag")},
            parameters=[_ABOUT],
            body=_TEXT,
            errors=(*WRITE_ERRORS, "404"),
        ),
    },
    "/v1/notes/{note_id}": {
        "get": operation(
            "get_note",
            "triage",
            "One note with its versions",
            {
                "200": answer(
                    f"The note; its version is the ETag. `revisions`: the newest {MOST_REVISIONS}.",
                    content(ref("NoteWithRevisions"), {**_NOTE, "revisions": _REVISIONS}),
                    "ETag",
                ),
                "304": NOT_MODIFIED,
            },
            parameters=[_ID],
            errors=(*READ_ERRORS, "404"),
        ),
        "patch": operation(
            "edit_note",
            "triage",
            "Edit your own note; earlier versions are kept",
            {"200": answer(f"The note, as it is now. It may mention {MAX_MENTIONS} users.", _SHOWN, "ETag")},
            parameters=[_ID, IF_MATCH],
            body=_TEXT,
            errors=(*WRITE_ERRORS, "404", "409", "412"),
        ),
        "delete": operation(
            "withdraw_note",
            "triage",
            "Withdraw your own note; safe to repeat",
            {"204": {"description": "The note has no text now, and its versions cannot be read."}},
            parameters=[_ID, IF_MATCH],
            errors=("400", "401", "403", "404", "412", "429", "503", "507"),
        ),
    },
}
