"""Notes about patterns, entries, Blueprints and markers. A note's ETag is its version."""

from typing import Any

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog import links
from enhancelog.accounts import permissions
from enhancelog.accounts.note_owners import owns
from enhancelog.accounts.permissions import Allows, token_of
from enhancelog.api.base import ApiView, conditional_response, link_next
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.api.preconditions import etag, expected
from enhancelog.domain.errors import NO_SUCH_NOTE, NOTHING_TO_NOTE, Conflict, Invalid, NotFound
from enhancelog.domain.notes import MAX_BYTES, NoteSubject, Withdrawn, decode_text, subject_of
from enhancelog.models import Note
from enhancelog.queries import notes as queries
from enhancelog.store import notes as store


class NothingToNote(Exception):
    pass


class NoteView(ApiView):
    def get_permissions(self) -> list[Any]:
        reads = self.request.method in ("GET", "HEAD")
        return [Allows("log:read" if reads else "triage:write")()]

    def handle_exception(self, error: Exception) -> Any:
        match error:
            case Conflict():
                return problem_response(
                    412, "If-Match does not name the current version.", headers={"ETag": f'"{error.digest}"'}
                )
            case Withdrawn():
                return problem_response(409, "The note was withdrawn, so it cannot be edited.")
            case NothingToNote():
                return problem_response(404, str(error))
            case NotFound():
                return problem_response(404, f"{NO_SUCH_NOTE} {error.issue_id[:80]}.")
        return super().handle_exception(error)


class NoteList(NoteView):
    """A bare array, the newest first."""

    def get(self, request: Request) -> HttpResponse:
        subject = _subject(request)
        found = queries.page(subject, request._request.GET.get("cursor", ""), queries.MOST)
        response = answer(request, [queries.state(note) for note in found.notes])
        if found.cursor:
            link_next(response, request._request, "cursor", found.cursor)
        return response

    def post(self, request: Request) -> HttpResponse:
        require_type(request._request, MEDIA_TYPES["json"])
        subject = _subject(request)
        text = decode_text(read_body(request._request, MAX_BYTES))
        note_id = store.add(subject, text, permissions.user_of(request._request), permissions.origin(request, "api"))
        return _written(note_id, 201)


class NoteByItsId(NoteView):
    def get(self, request: Request, note_id: str) -> HttpResponse:
        note = _known(note_id)
        tag = etag(note.version)
        unchanged = conditional_response(request._request, tag)
        if unchanged is not None:
            return unchanged
        body = msgspec.json.encode(queries.with_revisions(note))
        return HttpResponse(body, content_type=MEDIA_TYPES["json"], headers={"ETag": tag})

    def patch(self, request: Request, note_id: str) -> HttpResponse:
        require_type(request._request, MEDIA_TYPES["json"])
        text = decode_text(read_body(request._request, MAX_BYTES))
        _own(request, note_id)
        store.edit(note_id, text, permissions.origin(request, "api"), expected(request._request))
        return _written(note_id, 200)

    def delete(self, request: Request, note_id: str) -> HttpResponse:
        _own(request, note_id)
        store.withdraw(note_id, permissions.origin(request, "api"), expected(request._request))
        return HttpResponse(status=204)


def _subject(request: Request) -> NoteSubject:
    values = request._request.GET.getlist("about")
    if len(values) != 1:
        raise Invalid("about", "required", "must be given once, as in about=entry:h-1")
    asked = subject_of(values[0])
    found = queries.known(asked)
    if found is None:
        raise NothingToNote(f"{NOTHING_TO_NOTE} that notes could be about: no {asked.about} has this id.")
    return found


def _known(note_id: str) -> Note:
    found = queries.note(note_id)
    if found is None:
        raise NotFound(note_id)
    return found


def _own(request: Request, note_id: str) -> None:
    if not owns(request.user, _known(note_id), token_of(request)):
        raise PermissionDenied("Only who wrote a note may edit or withdraw it.")


def _written(note_id: str, status: int) -> HttpResponse:
    note = _known(note_id)
    headers = {"ETag": etag(note.version)} | ({"Location": links.api_note(note_id)} if status == 201 else {})
    body = msgspec.json.encode(queries.state(note))
    return HttpResponse(body, status=status, content_type=MEDIA_TYPES["json"], headers=headers)
