from django.contrib.sessions import middleware
from django.http import HttpRequest, HttpResponse

from enhancelog.accounts import sessions
from enhancelog.accounts.session_store import SessionStore


class SessionMiddleware(middleware.SessionMiddleware):
    """Also records from where and when a session is used."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        sessions.note_origin(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        if isinstance(session := getattr(request, "session", None), SessionStore):
            sessions.note_use(session)
        return response
