"""A provider of sign-in elsewhere (OpenID Connect)."""

from typing import NamedTuple
from urllib.parse import urlsplit


class OidcProvider(NamedTuple):
    """``reader_groups``: empty if everybody whom the provider signs in may read."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    groups_claim: str
    staff_groups: frozenset[str]
    reader_groups: frozenset[str]

    @property
    def host(self) -> str:
        """How pages name it."""
        return urlsplit(self.issuer).netloc

    @property
    def discovery_url(self) -> str:
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
