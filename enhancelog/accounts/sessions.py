"""Starts, lists and ends sessions. Whoever ends one is audited."""

from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.auth.signals import user_logged_in
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from enhancelog.accounts import events, last_seen, remote_users, temporary_passwords
from enhancelog.accounts.networks import is_address
from enhancelog.accounts.session_limits import MAX_OWNED, in_force, noted_every
from enhancelog.accounts.session_store import MUST_CHANGE, REMOTE_USER, STARTED, SessionStore
from enhancelog.backends import dialect
from enhancelog.domain.origin import Origin
from enhancelog.models import Session
from enhancelog.store import audit

_NAME_LENGTH: Final = 16
_PASSWORDS: Final = "django.contrib.auth.backends.ModelBackend"


def connect() -> None:
    user_logged_in.connect(_begin)


def note_origin(request: HttpRequest) -> None:
    """From which address and browser the request's session is used."""
    session, address = request.session, request.META.get("REMOTE_ADDR", "")
    assert isinstance(session, SessionStore)  # noqa: S101
    session.address = address if is_address(address) else ""
    session.user_agent = request.META.get("HTTP_USER_AGENT", "")


def _begin(request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> None:
    note_origin(request)  # allauth has replaced the session
    session, now = request.session, timezone.now()
    session[STARTED] = now.timestamp()
    session.set_expiry(now + settings.SESSION_LIFETIME)  # a moment, so that saving the session again does not move it
    session[REMOTE_USER] = remote_users.sent_with(request)
    session.pop(MUST_CHANGE, None)
    if session[BACKEND_SESSION_KEY] == _PASSWORDS and temporary_passwords.is_set(user):
        session[MUST_CHANGE] = True
    newest = Session.objects.filter(user_id=user.pk).order_by("-started", "-pk")
    if surplus := list(newest.values_list("pk", flat=True)[MAX_OWNED - 1 : 2 * MAX_OWNED]):
        Session.objects.filter(pk__in=surplus).delete()


def name_of(row: Session) -> str:
    """Identifies it on pages; its key would let anybody who sees it in."""
    return salted_hmac("enhancelog.session", row.session_key, algorithm="sha256").hexdigest()[:_NAME_LENGTH]


def of(user: User) -> list[Session]:
    """In force, the last used first."""
    return list(in_force().filter(user=user).order_by("-seen", "-pk")[:MAX_OWNED])


def end(user: User, keys: Iterable[str], by: Origin) -> int:
    return _end(Session.objects.filter(user=user, pk__in=list(keys)), user, by)


def end_others(user: User, own_key: str | None, by: Origin) -> int:
    """All but the one with this key; ``None``: all."""
    return _end(Session.objects.filter(user=user).exclude(pk=own_key or ""), user, by)


def forget_all(user: AbstractBaseUser) -> None:
    """After a change of password, which ends them."""
    Session.objects.filter(user_id=user.pk).delete()


def note_use(session: SessionStore) -> None:
    """Never waits for the database."""
    row = session.row
    if row is None or row.user_id is None or row.session_key != session.session_key:
        return
    now = timezone.now()
    if now - row.seen >= noted_every():
        last_seen.note(row.session_key, last_seen.Use(now, session.address, session.browser))


def _end(rows: "QuerySet[Session]", user: User, by: Origin) -> int:
    with dialect().appending():
        number, _ = rows.delete()
        if number:
            audit.record("session.end", by, "user", user.get_username(), sessions=number)
    if number:
        events.sessions_ended(user, by.actor_name)
    return number
