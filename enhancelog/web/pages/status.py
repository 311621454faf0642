"""``/admin/status/``: the state of the installation, and what is wrong with it. It works without the database, too."""

from typing import Any, Final

import msgspec
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.http import require_safe

from enhancelog.accounts.permissions import needs
from enhancelog.domain.installation import Status
from enhancelog.maintenance import status as installation
from enhancelog.web import htmx, theme

FORMATS: Final = ("", "json")

# Without the database, nobody knows who is signed in. So this page gives its readers a signed cookie, which counts only
# then, together with the session's own cookie, and not for long.
SALT: Final = "enhancelog.web.pages.status"
KEPT_S: Final = 12 * 3600


@require_safe
@needs("status:read")
def status(request: HttpRequest) -> HttpResponse:
    if request.GET.get("format", "") not in FORMATS:
        raise BadRequest("format: the only one is json.")
    found = installation.look()
    if request.GET.get("format") == "json":
        return _json(found, 200)
    response = htmx.page(request, "status/page.jinja", {"status": found, "layout": "base.jinja", "section": "status"})
    response.set_signed_cookie(
        settings.OPERATOR_COOKIE_NAME,
        _session_mark(request),
        salt=SALT,
        max_age=KEPT_S,
        path=settings.COOKIE_PATH,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )
    return response


def without_database(request: HttpRequest, error: BaseException) -> HttpResponse | None:
    """The page for somebody who could see it a moment ago; ``None`` for any other page or reader."""
    if request.path != reverse("status") or request.method not in ("GET", "HEAD") or not _was_reader(request):
        return None
    request.user = AnonymousUser()
    if hasattr(request, "session"):  # which would be read again, to see who signed in or out
        request.session.accessed = False
    found = installation.without_database(error)
    if request.GET.get("format") == "json":
        return _json(found, 503)
    context: dict[str, Any] = {"status": found, "layout": "status/alone.jinja", **theme.in_templates(request)}
    return _never_kept(HttpResponse(render_to_string("status/page.jinja", context, using="jinja"), status=503))


def _json(found: Status, code: int) -> HttpResponse:
    return _never_kept(HttpResponse(msgspec.json.encode(found), content_type="application/json", status=code))


def _never_kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def _was_reader(request: HttpRequest) -> bool:
    # Whom a proxy signs in with this very page had no session before, and that would be anybody's after sign-out.
    if not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        return False
    try:
        mark = request.get_signed_cookie(settings.OPERATOR_COOKIE_NAME, salt=SALT, max_age=KEPT_S)
    except (KeyError, BadSignature):
        return False
    return constant_time_compare(mark or "", _session_mark(request))


def _session_mark(request: HttpRequest) -> str:
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return salted_hmac(SALT, session, algorithm="sha256").hexdigest()
