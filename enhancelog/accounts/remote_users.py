"""Users whom a trusted proxy names in a header (``ENHANCELOG_REMOTE_USER_HEADER``)."""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest

from enhancelog.accounts.audited_users import SIGN_IN, acting_as
from enhancelog.accounts.events import MAX_NAME
from enhancelog.domain.deceptive_names import deceptions

BACKEND: Final = f"{__name__}.RemoteUsers"
_SHOWN: Final = 60


class Refused(PermissionDenied):
    """The reason is for the user."""


# The proxy's word counts as much as a password, so its names may be staff. But it does not take over a user who signs
# in with a password here: an administrator lets it by disabling that user's password.
class RemoteUsers(RemoteUserBackend):
    """Raises ``Refused``."""

    create_unknown_user = False  # ``_make`` has done it

    def authenticate(self, request: HttpRequest, remote_user: str) -> User:  # type: ignore[override]
        name = self.clean_username(remote_user)
        if not User.objects.filter(username=name).exists():
            _make(name)
        user = super().authenticate(request, remote_user)
        if user is None:
            raise Refused(f'Your account "{name}" is inactive. An administrator can activate it again.')
        return user

    def clean_username(self, username: str) -> str:
        return checked(username)

    def configure_user(self, request: HttpRequest | None, user: Any, created: bool = True) -> Any:
        if user is not None and user.has_usable_password():
            raise Refused(
                f'The proxy signs you in as "{user.get_username()}", but this user has a password here. '
                "Sign in with it, or ask an administrator to disable this user's password in the admin."
            )
        return user


def sent_with(request: HttpRequest) -> str:
    """As sent by a trusted proxy; empty if there is none."""
    return str(request.META.get(settings.REMOTE_USER_HEADER, "")) if settings.REMOTE_USER_HEADER else ""


def checked(sent: str) -> str:
    """The name in a header's value. Raises ``Refused``."""
    try:
        name = sent.encode("latin-1").decode()  # as WSGI has it
    except UnicodeError:
        raise _unusable(sent, "it is not UTF-8") from None
    if "," in name:
        raise _unusable(name, "it must be one name, without a comma; the header may have been sent twice")
    if len(name) > MAX_NAME:
        raise _unusable(name, f"it has more than {MAX_NAME} characters")
    if found := deceptions(name):
        raise _unusable(name, f"{found[0].name}: {found[0].meaning}")
    if name != User.normalize_username(name):
        raise _unusable(name, "another spelling (NFKC) looks the same")
    try:
        User.username_validator(name)
    except ValidationError:
        raise _unusable(name, "it may contain letters, digits and @.+-_ only") from None
    return name


def _make(name: str) -> None:
    # A transaction takes the write lock on SQLite, and programs send a request without a session each time, so only
    # somebody new gets one.
    with acting_as(SIGN_IN), transaction.atomic():
        others = User.objects.filter(username__iexact=name).exclude(username=name)
        if other := others.values_list("username", flat=True).first():
            raise _unusable(name, f'it differs only in case from the user "{other}"')
        User.objects.get_or_create(username=name, defaults={"password": make_password(None)})


def _unusable(name: str, why: str) -> Refused:
    shown = name[:_SHOWN].encode("unicode_escape").decode()
    return Refused(f'The proxy sent a user name that cannot be used, "{shown}": {why}.')
