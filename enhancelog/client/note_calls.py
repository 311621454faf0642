"""Requests about notes, and their answers."""

from typing import Final, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from enhancelog.client.endpoint import Endpoint
from enhancelog.client.exchange import Answer, Call, Request, json_of, problem_of
from enhancelog.domain import records
from enhancelog.domain.errors import NO_SUCH_NOTE, NOTHING_TO_NOTE, Changed, NotFound, Other
from enhancelog.domain.notes import NoteAbout, NoteState, NoteSubject, NoteWithRevisions, WrittenNote

_NOTES: Final = "/v1/notes"
_JSON: Final = (("Content-Type", "application/json"),)

Cursor = tuple[tuple[str, str], ...]


class NotePage(NamedTuple):
    notes: list[NoteState]
    cursor: Cursor | None  # of the next page


class NoteCalls:
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def page(self, about: NoteAbout, id: str, cursor: Cursor) -> Call[NotePage]:
        answer = yield Request("GET", _NOTES, params=(*_about(about, id), *cursor))
        found = json_of(self._found(answer, NOTHING_TO_NOTE, id), _notes, self._endpoint.url)
        return NotePage(found, None if answer.next is None else self._cursor(answer.next, cursor))

    def note(self, note_id: str) -> Call[NoteWithRevisions]:
        answer = yield Request("GET", _path(note_id))
        return json_of(self._found(answer, NO_SUCH_NOTE, note_id), _known, self._endpoint.url)

    def add(self, about: NoteAbout, id: str, text: str) -> Call[NoteState]:
        # Sent once: repeated, it could write two notes.
        answer = yield Request(
            "POST", _NOTES, params=_about(about, id), body=_body(text), headers=_JSON, if_arrived="stop"
        )
        return json_of(self._found(answer, NOTHING_TO_NOTE, id, 201), _note, self._endpoint.url)

    def edit(self, note_id: str, text: str, version: int | None) -> Call[NoteState]:
        # With a version it is sent once: repeated, it would find its own.
        only = () if version is None else (("If-Match", f'"{version}"'),)
        answer = yield Request(
            "PATCH",
            _path(note_id),
            body=_body(text),
            headers=(*_JSON, *only),
            if_arrived="stop" if only else "repeat",
        )
        if answer.status in (409, 412):
            raise Changed(note_id)
        return json_of(self._found(answer, NO_SUCH_NOTE, note_id), _note, self._endpoint.url)

    def withdraw(self, note_id: str) -> Call[None]:
        answer = yield Request("DELETE", _path(note_id))
        self._found(answer, NO_SUCH_NOTE, note_id, 204)

    def _found(self, answer: Answer, missing: str, id: str, status: int = 200) -> Answer:
        if answer.status == 404 and problem_of(answer).detail.startswith(missing):
            raise NotFound(id)
        return self._endpoint.expect(answer, status)

    def _cursor(self, following: str, last: Cursor) -> Cursor:
        # Only the cursor is taken from the link, so that the server cannot redirect us.
        found = parse_qs(urlsplit(following).query).get("cursor", [])
        cursor = tuple(("cursor", value) for value in found[:1])
        if not cursor or cursor == last:
            raise Other(f"{self._endpoint.url}: the link to the next page of the list is invalid")
        return cursor


def _about(about: NoteAbout, id: str) -> Cursor:
    return (("about", str(NoteSubject(about, id))),)


def _path(note_id: str) -> str:
    if not records.is_id(note_id):
        raise NotFound(note_id)
    return f"{_NOTES}/{quote(note_id, safe='')}"


def _body(text: str) -> bytes:
    return msgspec.json.encode(WrittenNote(text=text))


_note = msgspec.json.Decoder(NoteState)
_notes = msgspec.json.Decoder(list[NoteState])
_known = msgspec.json.Decoder(NoteWithRevisions)
