"""Sign-in at an OIDC provider, from ``ENHANCELOG_OIDC_…``. Raises ``ImproperlyConfigured``."""

import csv
from typing import Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from enhancelog.domain.oidc import OidcProvider
from enhancelog.domain.public_addresses import is_loopback
from enhancelog.settings import reading, remote_user

DEFAULT_SCOPES: Final = "openid profile email"
DEFAULT_GROUPS_CLAIM: Final = "groups"
LONGEST_ISSUER: Final = 200  # of the column that stores it
_ISSUER: Final = "ENHANCELOG_OIDC_ISSUER"
_NEEDED: Final = ("ENHANCELOG_OIDC_CLIENT_ID", "ENHANCELOG_OIDC_CLIENT_SECRET")
_OPTIONAL: Final = {
    "ENHANCELOG_OIDC_SCOPES": DEFAULT_SCOPES,
    "ENHANCELOG_OIDC_GROUPS_CLAIM": DEFAULT_GROUPS_CLAIM,
    "ENHANCELOG_OIDC_STAFF_GROUPS": "",
    "ENHANCELOG_OIDC_READER_GROUPS": "",
}


def oidc_provider() -> OidcProvider | None:
    """``None`` without an issuer."""
    issuer = reading.text(_ISSUER)
    given = {name: reading.text(name) for name in _NEEDED}
    given |= {name: reading.text(name, default) for name, default in _OPTIONAL.items()}
    if not issuer:
        if unused := [name for name, value in given.items() if value]:
            raise ImproperlyConfigured(f"{unused[0]}: has no effect without {_ISSUER}; set that too, or unset this")
        return None
    if missing := [name for name in _NEEDED if not given[name]]:
        raise ImproperlyConfigured(f"{missing[0]}: is needed with {_ISSUER}; the provider shows it after registration")
    scopes = tuple((given["ENHANCELOG_OIDC_SCOPES"] or DEFAULT_SCOPES).split())
    if "openid" not in scopes:
        raise ImproperlyConfigured(f'ENHANCELOG_OIDC_SCOPES: must contain openid, as in "{DEFAULT_SCOPES}"')
    return OidcProvider(
        issuer=_checked(issuer),
        client_id=given["ENHANCELOG_OIDC_CLIENT_ID"],
        client_secret=given["ENHANCELOG_OIDC_CLIENT_SECRET"],
        scopes=scopes,
        groups_claim=given["ENHANCELOG_OIDC_GROUPS_CLAIM"] or DEFAULT_GROUPS_CLAIM,
        staff_groups=_groups(given["ENHANCELOG_OIDC_STAFF_GROUPS"]),
        reader_groups=_groups(given["ENHANCELOG_OIDC_READER_GROUPS"]),
    )


def local(provider: OidcProvider | None) -> bool:
    """Whether people sign in with passwords kept here."""
    is_on = reading.boolean("ENHANCELOG_LOCAL_SIGN_IN", True)
    has_header = bool(reading.text(remote_user.NAME))
    if not is_on and provider is None and not has_header:
        raise ImproperlyConfigured(
            f"ENHANCELOG_LOCAL_SIGN_IN: false leaves nobody a way to sign in; set {_ISSUER} or {remote_user.NAME} too"
        )
    if provider and has_header:  # a name in the header would open the account of the provider's user of that name
        raise ImproperlyConfigured(f"{remote_user.NAME}: cannot be used together with {_ISSUER}; unset one of them")
    return is_on


def _checked(issuer: str) -> str:
    example = "must be like https://id.example.org/realms/staff"
    try:
        url = urlsplit(issuer)
        has_port = url.port != 0
    except ValueError:
        raise ImproperlyConfigured(f'{_ISSUER}: {example}, not "{issuer}"') from None
    is_bare = not (url.query or url.fragment or "@" in url.netloc) and issuer.isascii() and issuer.isprintable()
    if url.scheme not in ("http", "https") or not url.hostname or not has_port or not is_bare or " " in issuer:
        raise ImproperlyConfigured(f'{_ISSUER}: {example}, not "{issuer}"')
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ImproperlyConfigured(
            f'{_ISSUER}: must begin with https:// (http:// only on this machine), not "{issuer}"'
        )
    if "/.well-known/" in issuer:
        raise ImproperlyConfigured(f'{_ISSUER}: must be the part before /.well-known/, not "{issuer}"')
    if len(issuer) > LONGEST_ISSUER:
        raise ImproperlyConfigured(f"{_ISSUER}: has {len(issuer)} characters; at most {LONGEST_ISSUER} are possible")
    return issuer


def _groups(value: str) -> frozenset[str]:
    # Names in LDAP contain commas, so a name may stand in double quotes.
    names = next(csv.reader([",".join(value.splitlines())], skipinitialspace=True), [])
    return frozenset(name.strip() for name in names if name.strip())
