"""The one table of permissions, for API, pages and admin."""

from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Final, Literal

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
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
Scope = Literal["log:read", "log:append", "content:read", "content:write", "triage:write"]
# Token scopes, and what only users may do: change their password and tokens; save views and create feed keys; have
# alerts sent to their own address; split and merge deny patterns; hide markers; rename sources; redact entries; read
# the audit; see the status.
Act = (
    Scope
    | Literal["account:own", "views:own", "alerts:own", "patterns:change", "markers:hide", "sources:rename"]
    | Literal["entries:redact", "audit:read", "status:read"]
)
Somebody = User | AnonymousUser


class SignInNeeded(PermissionDenied):
    """A form was sent without a session."""


def _readers(user: Somebody) -> bool:
    return settings.PUBLIC_READ or user.is_authenticated


def _signed_in(user: Somebody) -> bool:
    return user.is_authenticated


def _staff(user: Somebody) -> bool:
    return user.is_active and user.is_staff


def _operators(user: Somebody) -> bool:
    return _staff(user) and user.has_perm("enhancelog.see_status")


RULES: Final[dict[Act, Callable[[Somebody], bool]]] = {
    "log:read": _readers,
    "log:append": _staff,
    "content:read": _readers,
    "content:write": _staff,
    "account:own": _signed_in,
    "triage:write": _staff,
    "views:own": _signed_in,
    "alerts:own": _signed_in,
    "patterns:change": _staff,
    "markers:hide": _staff,
    "entries:redact": _staff,
    "sources:rename": _staff,
    "audit:read": _staff,
    "status:read": _operators,
}

# Why somebody who is signed in may not; of the others, only staff may.
REFUSALS: Final[dict[Act, str]] = {
    "status:read": "Only administrators may see this, and staff with the permission “Can see the status”."
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


def origin_of(request: HttpRequest) -> Origin:
    """Of what a user does on a page."""
    return Origin("user", user_of(request).get_username(), "page")


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
def Allows(act: Act, refusal: str = "") -> type[BasePermission]:
    class Allowed(BasePermission):
        message = refusal or f"This needs the scope {act}."

        def has_permission(self, request: Request, view: "APIView") -> bool:
            return allows(request.user, act, token_of(request))

    return Allowed


def needs(act: Act) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Guard for pages. Anonymous: a read redirects to sign-in, a form raises ``SignInNeeded``. Otherwise 403."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if allows(request.user, act):
                return view(request, *args, **kwargs)
            if request.user.is_authenticated:
                raise PermissionDenied(REFUSALS.get(act, "Only staff may see or do this."))
            if request.method not in ("GET", "HEAD"):
                raise SignInNeeded
            return redirect_to_form(request, "sign_in")

        return guarded

    return decorate


def redirect_to_form(request: HttpRequest, view_name: str) -> HttpResponse:
    """To a form that leads back here."""
    # A fragment must not become that form, so htmx loads the whole page.
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return redirect_to_login(request.get_full_path(), view_name)
    try:
        here = htmx.current_url_abs_path or reverse("overview")
    except ValueError:  # the header is not an address
        here = reverse("overview")
    return HttpResponseClientRedirect(redirect_to_login(here, view_name).url)


def _beyond(noun: str, limits: list[str], asked: str) -> str:
    return f'This token may write only to {api_tokens.in_words(noun, limits)}, not to "{asked}".'
