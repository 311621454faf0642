"""Who may do what: the one table, for api, web and admin.

A user acts by the table, a token by its scopes whoever owns it. A request that is not allowed is 401 or 403 under
``/v1/`` and a redirect to sign-in or 403 on pages; the 403 says which scope or limit is in the way. Public read is a
switch (``ENHANCELOG_PUBLIC_READ``), never a test of the client's address; it is for tokens of any scope too.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Final, Literal

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from enhancelog.accounts import api_tokens
from enhancelog.domain.origin import Origin
from enhancelog.models import Token

if TYPE_CHECKING:  # views are made with the throttle in the settings, which comes here
    from rest_framework.views import APIView

Scope = Literal["log:read", "log:append", "content:read", "content:write"]
Act = Scope | Literal["views:own", "patterns:change"]
"""What a scope of tokens names, and what only users do: save views and make keys of their feeds; split and merge deny
patterns."""
Somebody = User | AnonymousUser


def _readers(user: Somebody) -> bool:
    return settings.PUBLIC_READ or user.is_authenticated


def _signed_in(user: Somebody) -> bool:
    return user.is_authenticated


def _staff(user: Somebody) -> bool:
    return user.is_active and user.is_staff


RULES: Final[dict[Act, Callable[[Somebody], bool]]] = {
    "log:read": _readers,
    "log:append": _staff,
    "content:read": _readers,
    "content:write": _staff,
    "views:own": _signed_in,
    "patterns:change": _staff,
}


def allows(user: Somebody, act: Act, token: Token | None = None) -> bool:
    """Whether this user, or the token they own, may do what ``act`` names."""
    if token is None:
        return RULES[act](user)
    return act in token.scopes or RULES[act](AnonymousUser())


def grantable(user: Somebody) -> tuple[str, ...]:
    """The scopes of tokens that this user may make: staff any, others reading, for themselves."""
    if _staff(user):
        return api_tokens.SCOPES
    return api_tokens.READ_SCOPES if user.is_authenticated else ()


def user_of(request: HttpRequest) -> User:
    """The signed-in user, where a guard has seen to it that there is one."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101
    return user


def token_of(request: Request) -> Token | None:
    """The token that the request is judged by, if it came with one."""
    return request.auth if isinstance(request.auth, Token) else None


def origin(request: Request, source: str) -> Origin:
    """Who writes, for the record: the token by its name, else the user."""
    token = token_of(request)
    return Origin("token", token.name, source) if token else Origin("user", request.user.get_username(), source)


def may_write(request: Request, *, blueprint_id: str | None = None, kind: str | None = None) -> None:
    """Raises ``PermissionDenied`` for a Blueprint or kind that ``why_not`` refuses."""
    if refusal := why_not(request, blueprint_id=blueprint_id, kind=kind):
        raise PermissionDenied(refusal)


def why_not(request: Request, *, blueprint_id: str | None = None, kind: str | None = None) -> str | None:
    """Which limit of the token is in the way of writing to this Blueprint or kind; users have none.

    The scope is a matter of its own.
    """
    token = token_of(request)
    if token is None:
        return None
    if blueprint_id is not None and not api_tokens.permits(token.write_blueprints, blueprint_id):
        return _beyond("Blueprints", token.write_blueprints, blueprint_id)
    if kind is not None and not api_tokens.permits(token.write_kinds, kind):
        return _beyond("kinds", token.write_kinds, kind)
    return None


@cache  # a view that chooses by method would make a class for each request
def Allows(scope: Scope) -> type[BasePermission]:
    """The DRF permission class for ``scope``."""

    class Allowed(BasePermission):
        message = f"This needs the scope {scope}."

        def has_permission(self, request: Request, view: "APIView") -> bool:
            return allows(request.user, scope, token_of(request))

    return Allowed


def needs(act: Act) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For pages: not signed in goes to sign-in and back, signed in but not allowed is 403."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if allows(request.user, act):
                return view(request, *args, **kwargs)
            if request.user.is_authenticated:
                raise PermissionDenied(f"This needs the scope {act}.")
            return _to_sign_in(request)

        return guarded

    return decorate


def _beyond(what: str, limits: list[str], asked: str) -> str:
    return f"This token writes to the {what} {', '.join(map(_quoted, limits))} only, not to {_quoted(asked)}."


def _quoted(text: str) -> str:
    return f'"{text}"'


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """A fragment must not become the sign-in form; htmx is told to take the whole page there."""
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return redirect_to_login(request.get_full_path())
    here = htmx.current_url_abs_path or "/"
    return HttpResponseClientRedirect(redirect_to_login(here).url)
