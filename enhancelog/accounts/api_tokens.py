"""Creates, finds, checks and revokes API tokens. Raises ``Invalid`` with the field's name."""

import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from django.contrib.auth.models import User
from django.db import Error, IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from knox.crypto import hash_token
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from enhancelog.accounts import events
from enhancelog.backends import dialect, reading
from enhancelog.domain import names
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import check_id
from enhancelog.models import Token
from enhancelog.store import audit

# A secret is "enh_" and 64 hex digits, shown once; only its SHA-512 digest is stored.

READ_SCOPES: Final = ("log:read", "content:read")
WRITE_SCOPES: Final = ("log:append", "content:write", "triage:write")
SCOPES: Final = ("log:read", "log:append", "content:read", "content:write", "triage:write")
LIMITED: Final = {"write_blueprints": "log:append", "write_kinds": "content:write"}

MAX_LIMITS: Final = 100
MAX_OWNED: Final = 1_000
# Cached tokens per process.
MAX_FOUND: Final = 1_000
ANYTHING_FROM_HERE: Final = "*"
# Resolution of ``last_used``: at most one write per token in this time.
USED_EVERY: Final = timedelta(hours=1)

_SECRET = re.compile(r"enh_[0-9a-f]{64}")
_AGE = re.compile(r"([0-9]{1,4})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

_ROWS: Final = """
    SELECT token.*, owner.* FROM enhancelog_token token JOIN auth_user owner ON owner.id = token.user_id
    WHERE token.digest = %s"""

_log = logging.getLogger(__name__)
# When this process last tried to record a token's use (monotonic s).
_touched: dict[int, float] = {}
# By digest, with the rows they were built from. Shared by all requests, which must not change token or owner.
_found: dict[str, tuple[tuple[Any, ...], Token]] = {}

_kinds: list[str] = []


def register_kinds(names: Iterable[str]) -> None:
    _kinds.extend(names)


@dataclass(frozen=True)
class Wanted:
    """A new token, unchecked. No expiry: valid until revoked."""

    name: str
    scopes: Sequence[str]
    expiry: datetime | None = None
    write_blueprints: Sequence[str] = ()
    write_kinds: Sequence[str] = ()


def check(wanted: Wanted, now: datetime, grantable: Sequence[str] = SCOPES) -> None:
    names.check(wanted.name)
    _check_scopes(wanted.scopes, grantable)
    if wanted.expiry is not None and wanted.expiry <= now:
        raise Invalid("expiry", "past", "must be in the future")
    for field, scope in LIMITED.items():
        limits = getattr(wanted, field)
        if limits and scope not in wanted.scopes:
            raise Invalid(field, "no-effect", f"limits {scope}, but the token does not have that scope")
        if len(limits) > MAX_LIMITS:
            raise Invalid(field, "count", f"has more than {MAX_LIMITS} items")
    for pattern in wanted.write_blueprints:
        check_id(pattern.removesuffix(ANYTHING_FROM_HERE), "write_blueprints", may_be_empty=True)
    for pattern in wanted.write_kinds:
        if not any(matches(pattern, kind) for kind in _kinds):
            raise Invalid("write_kinds", "kind", f'unknown kind "{pattern}"; available: {", ".join(_kinds)}')


def make(
    wanted: Wanted,
    owner: User,
    made_by: str,
    grantable: Sequence[str] = SCOPES,
    by_kind: Literal["user", "command"] = "user",
) -> tuple[Token, str]:
    """Store a token; returns it and its secret, which cannot be recovered. Raises ``Invalid``."""
    check(wanted, datetime.now(UTC), grantable)
    if not_revoked(owner).count() >= MAX_OWNED:
        raise Invalid(
            "", "count", f"{owner.get_username()} already has {MAX_OWNED:,} tokens, the maximum; revoke some first"
        )
    digest, secret = get_digest_token()  # type: ignore[no-untyped-call]
    token = Token(
        digest=digest,
        token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH],
        user=owner,
        made_by=made_by,
        name=wanted.name,
        scopes=[scope for scope in SCOPES if scope in wanted.scopes],
        expiry=wanted.expiry,
        write_blueprints=list(dict.fromkeys(wanted.write_blueprints)),
        write_kinds=list(dict.fromkeys(wanted.write_kinds)),
    )
    try:
        with dialect().appending():
            token.save(force_insert=True)
            _record("token.make", token, Origin(by_kind, made_by, ""), **_granted(token))
    except IntegrityError:
        taken = f'is taken: a token named "{wanted.name}" exists; revoke it first or choose another name'
        raise Invalid("name", "unique", taken) from None
    events.token_created(token, made_by)
    return token, secret


def present(secret: str) -> Token:
    """The valid token of this secret; records its use. Raises ``Invalid`` with the reason."""
    if not _SECRET.fullmatch(secret):
        raise Invalid("", "token", "This is not an Enhancelog token; these begin with enh_.")
    token = _find(hash_token(secret))
    if token is None:
        raise Invalid("", "token", "This token is unknown.")
    now = datetime.now(UTC)
    if why := _out_of_force(token, now):
        raise Invalid("", "token", why)
    _note_use(token, now)
    return token


def revoke(token: Token, revoked_by: str) -> None:
    if _revoke(token, revoked_by):
        events.token_revoked(token, revoked_by)


def delete(token: Token, deleted_by: str) -> None:
    with dialect().appending():
        _record("token.delete", token, Origin("user", deleted_by, ""))
        token.delete()
    events.token_deleted(token, deleted_by)


def revoke_all(owner: User) -> int:
    with transaction.atomic():
        revoked = [token for token in not_revoked(owner) if _revoke(token, owner.get_username())]
    for token in revoked:
        events.token_revoked(token, owner.get_username())
    return len(revoked)


def not_revoked(owner: User) -> "QuerySet[Token]":
    return Token.objects.select_related("user").filter(user=owner, revoked=None).order_by("pk")


def in_words(noun: str, limits: Sequence[str]) -> str:
    """For example ``the Blueprints "main", "team-*"``."""
    plural = "s" if len(limits) > 1 or limits[0].endswith(ANYTHING_FROM_HERE) else ""
    return f"the {noun}{plural} " + ", ".join(f'"{limit}"' for limit in limits)


def matches(pattern: str, value: str) -> bool:
    """Whether ``value`` equals the pattern or, if that ends in ``*``, starts with it."""
    if pattern.endswith(ANYTHING_FROM_HERE):
        return value.startswith(pattern.removesuffix(ANYTHING_FROM_HERE))
    return value == pattern


def permits(limits: Sequence[str], value: str) -> bool:
    return not limits or any(matches(pattern, value) for pattern in limits)


def expiry_from(text: str, now: datetime) -> datetime | None:
    """``90d``, ``12h`` or ``4w`` from now, or the start of a UTC day. Raises ``Invalid``."""
    if not text:
        return None
    if age := _AGE.fullmatch(text):
        return now + int(age[1]) * _UNITS[age[2]]
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid("expiry", "date", f'must be like 90d, 12h, 4w or 2027-01-31, not "{text[:40]}"') from None


def state(token: Token, now: datetime) -> str:
    """``active``, ``revoked``, ``expired`` or ``owner inactive``."""
    if token.revoked is not None:
        return "revoked"
    if token.expiry is not None and token.expiry <= now:
        return "expired"
    return "active" if token.user.is_active else "owner inactive"


def _revoke(token: Token, revoked_by: str) -> bool:
    with dialect().appending():
        done = Token.objects.filter(pk=token.pk, revoked__isnull=True).update(revoked=datetime.now(UTC))
        if done:
            _record("token.revoke", token, Origin("user", revoked_by, ""))
    return bool(done)


def _record(act: Literal["token.make", "token.revoke", "token.delete"], token: Token, by: Origin, **more: Any) -> None:
    audit.record(act, by, "token", str(token.pk), name=token.name, owner=token.user.get_username(), **more)


def _granted(token: Token) -> dict[str, Any]:
    granted = {name: getattr(token, name) for name in ("scopes", *LIMITED)}
    if token.expiry is not None:
        granted["expiry"] = token.expiry.isoformat(timespec="seconds")
    return {name: value for name, value in granted.items() if value}


def _find(digest: str) -> Token | None:
    # The rows are read each time; the objects are rebuilt only when these differ.
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [digest])
        rows = cursor.fetchone()
    if rows is None:
        return None
    known, token = _found.get(digest, (None, None))
    if token is None or rows != known:
        token = Token.objects.select_related("user").filter(digest=digest).first()
        if len(_found) >= MAX_FOUND:
            _found.clear()
        if token is not None:
            _found[digest] = rows, token
    return token


def _out_of_force(token: Token, now: datetime) -> str | None:
    match state(token, now):
        case "revoked":
            return "This token was revoked."
        case "expired":
            return "This token has expired."
        case "owner inactive":
            return "The owner of this token is not active."
    return None


def _note_use(token: Token, now: datetime) -> None:
    # At most one attempt per hour and process, so that a busy or failing database costs readers nothing more.
    if token.last_used is not None and now - token.last_used < USED_EVERY:
        return
    if reading.is_read_only():
        return
    moment = time.monotonic()
    if moment - _touched.get(token.pk, float("-inf")) < USED_EVERY.total_seconds():
        return
    _touched[token.pk] = moment
    stale = Q(last_used__isnull=True) | Q(last_used__lte=now - USED_EVERY)
    try:
        Token.objects.filter(stale, pk=token.pk).update(last_used=now)
    except Error as error:
        if reading.is_on_replica():  # the request runs again on the primary
            _touched.pop(token.pk, None)
            return
        _log.warning("cannot record the use of token %s: %s", token.pk, error)


def _check_scopes(scopes: Sequence[str], grantable: Sequence[str]) -> None:
    if not scopes:
        raise Invalid("scopes", "required", f"needs at least one of {', '.join(grantable)}")
    for scope in scopes:
        if scope not in SCOPES:
            raise Invalid("scopes", "choice", f'unknown scope "{scope}"; available: {", ".join(SCOPES)}')
        if scope not in grantable:
            raise Invalid("scopes", "choice", f"{scope} can be granted only by staff")
