"""Signs in whom a trusted proxy names, and signs out when it names nobody or somebody else."""

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from enhancelog.accounts import events, remote_users
from enhancelog.accounts.session_store import REMOTE_USER
from enhancelog.api.authentication import has_token
from enhancelog.web.failures import SAFE_METHODS, is_for_programs

# Proxies often let these pass without a user.
_FOR_NOBODY: Final = ("/favicon.ico", "/robots.txt")


# A session belongs to the name that the proxy sent when it was started, also if it was started with a password, so
# that the next person at the same browser does not get it. Only reading a page starts a session: a new one has a new
# CSRF token, with which no form could be sent, and programs keep no cookies.
class ProxySignInMiddleware:
    """Goes after ``AuthenticationMiddleware``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.REMOTE_USER_HEADER and not _needs_no_user(request):
            _follow_proxy(request)
        return self.get_response(request)


def _follow_proxy(request: HttpRequest) -> None:
    starts_session = request.method in SAFE_METHODS and not is_for_programs(request)
    name = remote_users.sent_with(request)
    if request.user.is_authenticated and request.session.get(REMOTE_USER, "") != name:
        if is_for_programs(request):  # often let through without a user
            request.user = AnonymousUser()
        else:
            logout(request)
    if not name or request.user.is_authenticated or _signs_in_otherwise(request):
        return
    try:
        user = remote_users.RemoteUsers().authenticate(request, name)
    except remote_users.Refused as refused:
        events.proxy_sign_in_refused(str(refused))
        raise
    if starts_session:
        login(request, user, remote_users.BACKEND)
    else:
        request.user = user


def _needs_no_user(request: HttpRequest) -> bool:
    if is_for_programs(request) and (has_token(request) or request.path_info.startswith("/health/")):
        return True
    return request.path_info in _FOR_NOBODY


def _signs_in_otherwise(request: HttpRequest) -> bool:
    # A password beside an unsent form counts as on the page.
    return request.path == reverse("sign_in") or (
        request.path == reverse("resume") and bool(request.POST.get("username")) and settings.LOCAL_SIGN_IN
    )
