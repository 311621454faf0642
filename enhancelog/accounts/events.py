"""Security log: sessions, passwords and tokens, one line per event."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from enhancelog.domain.terminal import printable_line
from enhancelog.observing.first_seen import FirstSeen
from enhancelog.observing.structured_logs import client_address

if TYPE_CHECKING:
    from enhancelog.models import Token

# ``user`` is the account that signs in or out or changes its password (after a failed sign-in: the name as sent), or
# who created or revoked a token.

# The longest possible user name.
MAX_NAME: Final = 150
MAX_REASON: Final = 300

_log = logging.getLogger("enhancelog.security")
_refused_by_header: Final = FirstSeen()  # every request repeats the header


def connect() -> None:
    """Call after axes has connected: its receiver decides what is locked."""
    user_logged_in.connect(_signed_in)
    user_login_failed.connect(_sign_in_failed)
    user_logged_out.connect(_signed_out)


def password_changed(user: AbstractBaseUser | None) -> None:
    _record(logging.INFO, "password changed", user=user.get_username() if user else "")


def sessions_ended(owner: AbstractBaseUser, by: str) -> None:
    _record(logging.INFO, "sessions ended", user=by, owner=owner.get_username())


def token_created(token: "Token", by: str) -> None:
    _record(logging.INFO, "token created", user=by, token=token.name, owner=token.user.get_username())


def token_revoked(token: "Token", by: str) -> None:
    _record(logging.INFO, "token revoked", user=by, token=token.name, owner=token.user.get_username())


def token_deleted(token: "Token", by: str) -> None:
    _record(logging.INFO, "token deleted", user=by, token=token.name, owner=token.user.get_username())


def sign_in_refused(reason: str) -> None:
    """At an OIDC provider, or afterwards; or by a proxy."""
    _record(logging.WARNING, "sign-in refused", reason=printable_line(reason)[:MAX_REASON])


def proxy_sign_in_refused(reason: str) -> None:
    """Of a user whom a trusted proxy names; each reason once an hour."""
    if _refused_by_header.accepts(reason):
        sign_in_refused(reason)


def _signed_in(user: AbstractBaseUser, **kwargs: Any) -> None:
    _record(logging.INFO, "signed in", user=user.get_username())


def _sign_in_failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    is_locked = getattr(request, "axes_locked_out", False)
    event = "sign-in locked" if is_locked else "sign-in failed"
    _record(logging.WARNING, event, user=str(credentials.get("username") or "")[:MAX_NAME])


def _signed_out(user: AbstractBaseUser | None, **kwargs: Any) -> None:
    if user is not None:  # None: the session had already ended
        _record(logging.INFO, "signed out", user=user.get_username())


def _record(level: int, event: str, **fields: str) -> None:
    address = {"address": known} if (known := client_address.get()) else {}
    _log.log(level, event, extra={**fields, **address})
