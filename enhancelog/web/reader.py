"""Who a page was made for, readable by its scripts, so that a page kept by the browser goes blank after sign-out."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac


def marker(request: HttpRequest) -> str:
    """The same for all sessions of a user; empty if anonymous."""
    user = getattr(request, "user", None)  # absent if the request was refused before it was read
    return _marker(user.pk) if user is not None and user.is_authenticated else ""


def in_templates(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    return {
        "reader_marker": marker(request),
        "reader_cookie": settings.READER_COOKIE_NAME,
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
    }


class ReaderMiddleware:
    """Keeps the marker's cookie equal to the session. Goes after ``AuthenticationMiddleware``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.session.accessed:
            return response
        now = marker(request)
        if now == request.COOKIES.get(settings.READER_COOKIE_NAME, ""):
            return response
        if now:
            response.set_cookie(
                settings.READER_COOKIE_NAME,
                now,
                max_age=request.session.get_expiry_age(),
                path=settings.COOKIE_PATH,
                samesite="Lax",
                secure=settings.HTTPS,
            )
        else:
            response.delete_cookie(settings.READER_COOKIE_NAME, path=settings.COOKIE_PATH, samesite="Lax")
            if settings.HTTPS:  # browsers ignore it elsewhere
                response["Clear-Site-Data"] = '"cache"'
        return response


@lru_cache(maxsize=1024)
def _marker(user_pk: int) -> str:
    return salted_hmac("enhancelog.web.reader", str(user_pk), algorithm="sha256").hexdigest()[:16]
