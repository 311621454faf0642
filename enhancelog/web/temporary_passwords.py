"""Whoever signs in with a temporary password changes it before anything else."""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from enhancelog import links
from enhancelog.accounts.permissions import redirect_to_form
from enhancelog.accounts.session_store import MUST_CHANGE
from enhancelog.api.authentication import has_token
from enhancelog.web.failures import SAFE_METHODS, is_for_programs

# Names of the views that it does not stop.
_FREE: Final = frozenset(
    {
        *("password", "sign_in", "resume", "sign_out", "admin_sign_out"),
        *("choose_theme", "robots", "favicon", "live", "ready"),
    }
)


# The session knows, so that it costs no statement: setting a password for somebody ends their sessions.
class TemporaryPasswordMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is None or match.view_name in _FREE or not _must_change(request):
            return None
        if request.method not in SAFE_METHODS or is_for_programs(request):
            form = links.at("/account/password")
            raise PermissionDenied(
                f"Your password is a temporary one. Change it at {form} first; tokens work meanwhile."
            )
        return redirect_to_form(request, "password")


def _must_change(request: HttpRequest) -> bool:
    # The session is read only where it counts.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or (is_for_programs(request) and has_token(request)):
        return False
    return MUST_CHANGE in request.session
