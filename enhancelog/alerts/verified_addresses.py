"""E-mail addresses of users, each confirmed by opening a link that was mailed to it."""

from typing import Final, NamedTuple

from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet

from enhancelog import links
from enhancelog.alerts import mail
from enhancelog.backends import dialect, faults
from enhancelog.domain.alerts import MAX_ADDRESS
from enhancelog.domain.audit import AuditAct
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import VerifiedAddress
from enhancelog.store import audit

MOST: Final = 10  # of a user
VALID_S: Final = 3 * 24 * 3600

_SALT: Final = "enhancelog.addresses"
FIELD: Final = "address"


class Asked(NamedTuple):
    # Whose address a link confirms.
    user_id: int
    address: str


def of(user: User) -> "QuerySet[VerifiedAddress]":
    return VerifiedAddress.objects.filter(user=user).order_by("address")


def first_of(user: User) -> str:
    # Where what concerns the user is sent; empty: nowhere.
    rows = VerifiedAddress.objects.filter(user=user, user__is_active=True).order_by("verified_ms", "id")
    return rows.values_list("address", flat=True).first() or ""


def usable(user: User, is_staff: bool) -> "QuerySet[VerifiedAddress]":
    # To which this user may have alerts sent.
    rows = VerifiedAddress.objects.filter(user__is_active=True)
    return rows if is_staff else rows.filter(user=user)


def check(user: User, address: str) -> None:
    """Raises ``Invalid``."""
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(FIELD, "address", "must be an e-mail address like olga@example.org") from None
    if len(address) > MAX_ADDRESS or not (address.isascii() and address.isprintable()):
        raise Invalid(FIELD, "address", f"must have at most {MAX_ADDRESS} characters, all ASCII")
    known = set(of(user).values_list("address", flat=True))
    if address in known:
        raise Invalid(FIELD, "known", "is verified already")
    if len(known) >= MOST:
        raise Invalid(FIELD, "count", f"cannot be added: you have {MOST}, the maximum; remove one first")
    if not mail.is_set_up():
        raise Invalid(FIELD, "mail", f"cannot be verified: {mail.NOT_SET_UP}")


def ask(user: User, address: str) -> None:
    # Mail the link. Raises ``Invalid`` if the mail server does not take it.
    token = signing.dumps(Asked(user.pk, address), salt=_SALT)
    context = {"user_name": user.get_username(), "url": links.absolute(links.confirm_address(token))}
    answer = mail.send(address, "Is this your address?", "alert_mail/verify", context)
    if not answer.is_success:
        raise Invalid(FIELD, "mail", f"was not accepted by the mail server: {answer.text}")


def asked(token: str) -> Asked | None:
    # ``None``: the link is too old or not ours.
    try:
        user_id, address = signing.loads(token, salt=_SALT, max_age=VALID_S)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Asked(user_id, address)


def confirm(user: User, address: str) -> None:
    """Idempotent."""
    with faults(), dialect().appending():
        _, is_new = VerifiedAddress.objects.get_or_create(
            user=user, address=address, defaults={"verified_ms": now_ms()}
        )
        if is_new:
            _record("address.verify", user, address)


def remove(user: User, address_id: int) -> str | None:
    # The address that was removed. Alerts to it are switched off when they next have something to send.
    with faults(), dialect().appending():
        row = of(user).filter(pk=address_id).first()
        if row is None:
            return None
        row.delete()
        _record("address.remove", user, row.address)
    return str(row.address)


def _record(act: AuditAct, user: User, address: str) -> None:
    audit.record(act, Origin("user", user.get_username(), "page"), "user", user.get_username(), address=address)
