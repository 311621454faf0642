"""The addresses and names that the server answers to. Both raise ``ImproperlyConfigured``."""

from typing import Final

from django.core.exceptions import ImproperlyConfigured

from enhancelog.domain import public_addresses
from enhancelog.domain.public_addresses import PublicAddress
from enhancelog.settings import reading

# The first parts of our own paths. Of a proxy that cuts such a path off, /search/ could be the list or the whole.
OWN_FIRST_PARTS: Final = frozenset(
    (
        *("account", "admin", "alerts", "audit", "axes", "blueprints", "content", "differences", "documents"),
        *("entries", "evidence", "favicon.ico", "fields", "funnel", "health", "markers", "matrix", "metrics", "notes"),
        *(
            "palette",
            "patterns",
            "redactions",
            "rejections",
            "robots.txt",
            "search",
            "sources",
            "static",
            "steadiness",
            "themes",
            "triage",
            "unfinished",
            "v1",
        ),
    )
)


def public_address(name: str, default: str) -> PublicAddress:
    given = reading.text(name) or default
    try:
        address = public_addresses.parse(given)
    except ValueError:
        example = "https://log.example.org or https://example.org/log"
        raise ImproperlyConfigured(f'{name}: must be a URL like {example}, not "{_shown(given)}"') from None
    first = address.path.partition("/")[2].partition("/")[0]
    if first in OWN_FIRST_PARTS:
        raise ImproperlyConfigured(
            f'{name}: the path must not begin with /{first}, where the server has pages of its own, as "{given}" does'
        )
    return address


def hosts(name: str) -> list[str]:
    """As in ALLOWED_HOSTS."""
    return [_host(name, part.strip()) for part in reading.text(name).split(",") if part.strip()]


def _host(name: str, given: str) -> str:
    is_wildcard = given.startswith("*.")
    try:
        host = public_addresses.ascii_host(given.removeprefix("*.").removeprefix("[").removesuffix("]"))
    except ValueError:
        host = ""
    if not host or (is_wildcard and (host.startswith("[") or host.rpartition(".")[2].isdigit())):
        like = "must be names without a port, like enhancelog, *.internal, 10.0.0.7 or fd00::7"
        raise ImproperlyConfigured(f'{name}: {like}, not "{_shown(given)}"')
    return f".{host}" if is_wildcard else host


def _shown(given: str) -> str:
    if "@" in given:
        return "one with a user or a password"
    return given if len(given) <= 200 else f"{given[:200]}…"
