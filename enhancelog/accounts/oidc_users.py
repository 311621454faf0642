"""Users who sign in at the OIDC provider: found by issuer and subject, never by a name or an address."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from enhancelog.accounts.audited_users import SIGN_IN, acting_as
from enhancelog.domain.deceptive_names import deceptions
from enhancelog.domain.oidc import OidcProvider

BACKEND: Final = f"{__name__}.OidcUsers"
LONGEST_NAME: Final = 150
LONGEST_ADDRESS: Final = 254
# Users with the same name at the provider.
MOST_NAMESAKES: Final = 1_000
# Groups of one user that are looked at.
MOST_GROUPS: Final = 10_000
SHOWN_GROUPS: Final = 20
_NOT_IN_NAMES: Final = re.compile(r"[^\w.@+-]+")


class NotAdmitted(Exception):
    """The text is for who wanted to sign in, ``reason`` for the log if it says more."""

    def __init__(self, said: str, reason: str = "") -> None:
        super().__init__(said)
        self.reason = reason


class OidcUsers(ModelBackend):
    """Only names how somebody signed in: the provider has authenticated them."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:  # type: ignore[override]
        return None


def groups_in(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """``realm_access.roles`` is also found as ``roles`` in ``realm_access``."""
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(name for name in names[:MOST_GROUPS] if isinstance(name, str))


def admitted(provider: OidcProvider, account: SocialAccount, claims: Mapping[str, Any]) -> User:
    """The account's user, made at the first sign-in, with the rights of the groups. Raises ``NotAdmitted``."""
    groups = groups_in(claims, provider.groups_claim)
    with acting_as(SIGN_IN):
        user = account.user if account.pk else None
        if user is not None:
            _set_staff(provider, user, groups)  # also of who is refused below
        _check_groups(provider, groups)
        if user is None:
            user = _make(provider, account, groups, claims)
        if not user.is_active:
            raise NotAdmitted("Your account here is switched off. An administrator can switch it on again.")
        _set_address(user, _address(claims))
    return user


def _check_groups(provider: OidcProvider, groups: frozenset[str]) -> None:
    if not provider.reader_groups or groups & (provider.reader_groups | provider.staff_groups):
        return
    # Without the groups' names: the provider may sign in people who are nobody here.
    found = "none of your groups there" if groups else "it named no group of yours, and only members of certain groups"
    raise NotAdmitted(
        f"{provider.host} signed you in, but {found} may read this log. The administrator of this server can say which"
        " group you need (ENHANCELOG_OIDC_READER_GROUPS).",
        f"in no group that may read; in {', '.join(sorted(groups)[:SHOWN_GROUPS]) or 'none'}",
    )


def _set_staff(provider: OidcProvider, user: User, groups: frozenset[str]) -> None:
    # What a local administrator gave, superusers and staff without groups in the settings, is left alone.
    is_staff = bool(groups & provider.staff_groups)
    if provider.staff_groups and not user.is_superuser and user.is_staff != is_staff:
        user.is_staff = is_staff
        with transaction.atomic():
            user.save(update_fields=["is_staff"])


def _set_address(user: User, address: str) -> None:
    if address and user.email != address:
        user.email = address
        with transaction.atomic():
            user.save(update_fields=["email"])


def _make(provider: OidcProvider, account: SocialAccount, groups: frozenset[str], claims: Mapping[str, Any]) -> User:
    wanted = _wanted_name(provider, claims)
    for number in range(1, MOST_NAMESAKES):
        name = wanted if number == 1 else f"{wanted[: LONGEST_NAME - 5]}-{number}"
        if User.objects.filter(username__iexact=name).exists():
            continue
        user = User(username=name, email=_address(claims), is_staff=bool(groups & provider.staff_groups))
        user.set_unusable_password()
        try:
            with transaction.atomic():
                user.save(force_insert=True)
                account.user = user
                account.save(force_insert=True)
        except IntegrityError:  # somebody took the name, or the same person signs in twice at once
            account.pk = None
            if known := SocialAccount.objects.filter(provider=account.provider, uid=account.uid).first():
                known_user: User = known.user
                return known_user
            continue
        return user
    raise NotAdmitted(f'Too many users here are called "{wanted}". Ask an administrator.')


def _wanted_name(provider: OidcProvider, claims: Mapping[str, Any]) -> str:
    found = [_plain(value) for value in (claims.get("preferred_username"), _address(claims).partition("@")[0])]
    # At many providers people choose their names, and could look like somebody else here.
    if name := next((name for name in found if name and not deceptions(name)), ""):
        return name
    if any(found):
        raise NotAdmitted(
            f"{provider.host} told us a user name that could be mistaken for another one, because letters of several"
            " scripts look alike, so you cannot get an account here. Change it there, or ask your administrator to."
        )
    raise NotAdmitted(
        f"{provider.host} told us neither your user name nor your e-mail address, so you cannot get an account here."
        " The administrator of this server can ask it for both (ENHANCELOG_OIDC_SCOPES)."
    )


def _plain(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    text = unicodedata.normalize("NFKC", value[:LONGEST_NAME])
    return _NOT_IN_NAMES.sub("-", text).strip("-")[:LONGEST_NAME]


def _address(claims: Mapping[str, Any]) -> str:
    value = claims.get("email")
    if not isinstance(value, str) or len(value) > LONGEST_ADDRESS:
        return ""
    try:
        validate_email(value)
    except ValidationError:
        return ""
    return value
