"""Who may do what: the one table, for api, web and admin.

A request that is not allowed is 401 or 403 under ``/v1/`` and a redirect to sign-in or 403 on pages; the 403 says which
scope is missing. Public read is a switch (``ENHANCELOG_PUBLIC_READ``), never a test of the client's address.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, Literal

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

Scope = Literal["log:read", "log:append", "content:read", "content:write"]
Somebody = User | AnonymousUser


def _readers(user: Somebody) -> bool:
    return settings.PUBLIC_READ or user.is_authenticated


def _staff(user: Somebody) -> bool:
    return user.is_active and user.is_staff


RULES: Final[dict[Scope, Callable[[Somebody], bool]]] = {
    "log:read": _readers,
    "log:append": _staff,
    "content:read": _readers,
    "content:write": _staff,
}


def allows(user: Somebody, scope: Scope) -> bool:
    """Whether this user may do what ``scope`` names."""
    return RULES[scope](user)


def Allows(scope: Scope) -> type[BasePermission]:  # noqa: N802  it makes a class
    """The DRF permission class for ``scope``."""

    class Allowed(BasePermission):
        message = f"This needs the scope {scope}."

        def has_permission(self, request: Request, view: APIView) -> bool:
            return allows(request.user, scope)

    return Allowed


def needs(scope: Scope) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For pages: not signed in goes to sign-in and back, signed in but not allowed is 403."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if allows(request.user, scope):
                return view(request, *args, **kwargs)
            if request.user.is_authenticated:
                raise PermissionDenied(f"This needs the scope {scope}.")
            return _to_sign_in(request)

        return guarded

    return decorate


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """A fragment must not become the sign-in form; htmx is told to take the whole page there."""
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return redirect_to_login(request.get_full_path())
    here = htmx.current_url_abs_path or "/"
    return HttpResponseClientRedirect(redirect_to_login(here).url)
