"""The one table of permissions, for API, pages and admin."""

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

if TYPE_CHECKING:  # importing views loads the throttle in the settings, which imports this
    from rest_framework.views import APIView

# Users have the permissions of the table, tokens those of their scopes, whoever owns them. Requests without permission
# get 401 or 403. Reads of pages redirect to sign-in instead of 401; a 403 names the missing scope or the limit. Public
# read is a setting (ENHANCELOG_PUBLIC_READ), never based on the client's address, and applies to tokens of any scope.
Scope = Literal["log:read", "log:append", "content:read", "content:write"]
# Token scopes, and what only users may do: change their password and tokens; save views and create feed keys; split and
# merge deny patterns; hide markers.
Act = Scope | Literal["account:own", "views:own", "patterns:change", "markers:hide"]
Somebody = User | AnonymousUser


class SignInNeeded(PermissionDenied):
    """A form was sent without a session."""


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
    "account:own": _signed_in,
    "views:own": _signed_in,
    "patterns:change": _staff,
    "markers:hide": _staff,
}


def allows(user: Somebody, act: Act, token: Token | None = None) -> bool:
    if token is None:
        return RULES[act](user)
    return act in token.scopes or RULES[act](AnonymousUser())


def grantable(user: Somebody) -> tuple[str, ...]:
    """Scopes this user may grant to tokens: staff any, others read scopes."""
    if _staff(user):
        return api_tokens.SCOPES
    return api_tokens.READ_SCOPES if user.is_authenticated else ()


def user_of(request: HttpRequest) -> User:
    """The signed-in user; a guard must have run."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101
    return user


def token_of(request: Request) -> Token | None:
    return request.auth if isinstance(request.auth, Token) else None


def origin(request: Request, source: str) -> Origin:
    token = token_of(request)
    return Origin("token", token.name, source) if token else Origin("user", request.user.get_username(), source)


def may_write(request: Request, *, blueprint_id: str | None = None, kind: str | None = None) -> None:
    if refusal := why_not(request, blueprint_id=blueprint_id, kind=kind):
        raise PermissionDenied(refusal)


def why_not(request: Request, *, blueprint_id: str | None = None, kind: str | None = None) -> str | None:
    """The token's limit that forbids this Blueprint or kind; scopes are checked elsewhere."""
    token = token_of(request)
    if token is None:
        return None
    if blueprint_id is not None and not api_tokens.permits(token.write_blueprints, blueprint_id):
        return _beyond("Blueprint", token.write_blueprints, blueprint_id)
    if kind is not None and not api_tokens.permits(token.write_kinds, kind):
        return _beyond("kind", token.write_kinds, kind)
    return None


def may_mark(request: Request, blueprint_id: str | None) -> None:
    """``None``: a marker of all Blueprints, which a token with limits may not write. Raises ``PermissionDenied``."""
    token = token_of(request)
    if blueprint_id is None and token is not None and token.write_blueprints:
        limits = api_tokens.in_words("Blueprint", token.write_blueprints)
        raise PermissionDenied(f"This token may write only to {limits}; name one as blueprint_id.")
    may_write(request, blueprint_id=blueprint_id)


@cache  # otherwise a view that chooses by method would create a class per request
def Allows(scope: Scope) -> type[BasePermission]:
    class Allowed(BasePermission):
        message = f"This needs the scope {scope}."

        def has_permission(self, request: Request, view: "APIView") -> bool:
            return allows(request.user, scope, token_of(request))

    return Allowed


def needs(act: Act) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Guard for pages. Anonymous: a read redirects to sign-in, a form raises ``SignInNeeded``. Otherwise 403."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if allows(request.user, act):
                return view(request, *args, **kwargs)
            if request.user.is_authenticated:
                raise PermissionDenied(f"This needs the scope {act}.")
            if request.method not in ("GET", "HEAD"):
                raise SignInNeeded
            return _to_sign_in(request)

        return guarded

    return decorate


def _beyond(noun: str, limits: list[str], asked: str) -> str:
    return f'This token may write only to {api_tokens.in_words(noun, limits)}, not to "{asked}".'


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    # A fragment must not become the sign-in form, so htmx loads the whole page.
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return redirect_to_login(request.get_full_path())
    try:
        here = htmx.current_url_abs_path or "/"
    except ValueError:  # the header is not an address
        here = "/"
    return HttpResponseClientRedirect(redirect_to_login(here).url)
