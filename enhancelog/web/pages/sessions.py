"""``/account/sessions``: one's own sign-ins, and how to end them."""

from datetime import timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from enhancelog.accounts import sessions
from enhancelog.accounts.permissions import needs, origin_of, user_of
from enhancelog.models import Session
from enhancelog.web.htmx import page

_UNITS: Final = (("day", 24 * 60), ("hour", 60), ("minute", 1))
ENDED: Final = "What they load next asks to sign in."


class Shown(NamedTuple):
    session: Session
    name: str
    is_this: bool


@require_safe
@needs("account:own")
@never_cache
def session_list(request: HttpRequest) -> HttpResponse:
    own_key = request.session.session_key
    user = user_of(request)
    found = [Shown(each, sessions.name_of(each), each.pk == own_key) for each in sessions.of(user)]
    found.sort(key=lambda each: not each.is_this)
    limits = {"idle": _in_words(settings.SESSION_IDLE), "lifetime": _in_words(settings.SESSION_LIFETIME)}
    context = {"found": found, "has_password": user.has_usable_password(), **limits}
    return page(request, "sessions/page.jinja", context)


@require_POST
@needs("account:own")
def end_session(request: HttpRequest, name: str) -> HttpResponse:
    """404 for others' sessions, and for the one that asks, which signs out instead."""
    user = user_of(request)
    keys = [each.pk for each in sessions.of(user) if sessions.name_of(each) == name]
    if not keys or keys == [request.session.session_key]:
        raise Http404("You have no other session with this name; it may have ended already.")
    sessions.end(user, keys, origin_of(request))
    messages.success(request, f"The session was ended. {ENDED}")
    return redirect("session_list")


@require_POST
@needs("account:own")
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    number = sessions.end_others(user_of(request), request.session.session_key, origin_of(request))
    what = "1 other session was" if number == 1 else f"{number:,} other sessions were"
    messages.success(request, f"{what} ended. {ENDED}" if number else "You had no other session.")
    return redirect("session_list")


def _in_words(length: timedelta) -> str:
    minutes = length // timedelta(minutes=1)
    unit, size = next((unit, size) for unit, size in _UNITS if minutes % size == 0)
    return f"{minutes // size} {unit}{'' if minutes == size else 's'}"
