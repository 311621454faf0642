"""Which web addresses messages may be sent to. An alert's address is checked when it is set and at each connection."""

import socket
import threading
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from enhancelog.backends.permit import permit
from enhancelog.domain.errors import Invalid

MAX_CHARACTERS: Final = 2_000
FIELD: Final = "url"
PORTS: Final = {"https": 443, "http": 80}
_SAYS_SETTING: Final = "ENHANCELOG_WEBHOOK_ALLOW can allow it"

# Addresses that are IPv4 addresses in other clothes: NAT64 (RFC 6052, RFC 8215), 6to4, Teredo and IPv4-compatible.
_TRANSLATED: Final = tuple(
    IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
# Protocol assignments (RFC 6890) and 6to4 relays, some of which count as global.
_SPECIAL: Final = tuple(IPv4Network(each) for each in ("192.0.0.0/24", "192.88.99.0/24"))


class Refused(Exception):
    # The address may not be connected to; says why.
    pass


class Receiver(NamedTuple):
    # ``host``: a name in ASCII or an IP address without brackets. ``target``: path and query.
    scheme: str
    host: str
    port: int
    target: str
    is_of_operator: bool = False  # a setting has the whole address

    @property
    def is_named(self) -> bool:
        # By the setting: any address, and http, are fine.
        allowed = settings.WEBHOOK_ALLOW
        return self.is_of_operator or (self.host, None) in allowed or (self.host, self.port) in allowed


def receiver(url: str) -> Receiver:
    # Raises ``Invalid`` for what is no plain https address; does not look its name up.
    if len(url) > MAX_CHARACTERS:
        raise Invalid(FIELD, "length", f"has {len(url):,} characters, the limit is {MAX_CHARACTERS:,}")
    found = _parsed(url)
    if found is None:
        raise Invalid(FIELD, "url", "must be an address like https://hooks.example.org/path, without a password or #")
    if found.scheme != "https" and not found.is_named:
        raise Invalid(FIELD, "scheme", f"must begin with https://; {_SAYS_SETTING} for {found.host}:{found.port}")
    return found


def of_operator(url: str) -> Receiver | None:
    # ``None`` for what is no address.
    found = _parsed(url) if len(url) <= MAX_CHARACTERS else None
    return found and found._replace(is_of_operator=True)


def check(url: str) -> None:
    # Raises ``Invalid``, also if its name leads to an address that is not public or is not known now.
    found = receiver(url)
    try:
        resolved(found, timeout_s=5.0)
    except (Refused, OSError) as error:
        raise Invalid(FIELD, "address", f"cannot be used: {reason_of(error)}") from None


def resolved(receiver: Receiver, timeout_s: float) -> list[str]:
    # The IP addresses to connect to. Raises ``Refused`` unless all are public or the setting names the receiver;
    # ``OSError`` if there are none.
    found = _look_up(receiver.host, receiver.port, timeout_s)
    if not receiver.is_named:
        for address in found:
            if not is_public(address):
                raise Refused(f"{receiver.host} leads to {address}, which is not a public address; {_SAYS_SETTING}")
    return found


def is_public(address: str) -> bool:
    parsed: IPv4Address | IPv6Address = ip_address(address)
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _SPECIAL)
    return not (parsed.ipv4_mapped or parsed.is_site_local or any(parsed in network for network in _TRANSLATED))


def reason_of(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300]


def _parsed(url: str) -> Receiver | None:
    # Both parsers have to accept it: what one reads as a host, another could read as credentials.
    if not url.isprintable() or any(each in url for each in ("\\", "#", " ")):
        return None
    try:
        parts, ours = urlsplit(url), httpx.URL(url)
        scheme, host, target = ours.scheme, ours.raw_host.decode("ascii").lower(), ours.raw_path.decode("ascii")
        port = PORTS[scheme] if ours.port is None else ours.port
        same_port = parts.port is None or parts.port == port
    except (httpx.InvalidURL, ValueError, KeyError, UnicodeError):
        return None
    if not host or "%" in host or "@" in parts.netloc or not same_port or not 0 < port < 1 << 16:
        return None
    return Receiver(scheme, host.rstrip("."), port, target)


def _look_up(host: str, port: int, timeout_s: float) -> list[str]:
    # The system's look-up has no timeout. One that takes too long ends by itself, in its own thread.
    answers: list[list[str] | OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.append(list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)))
        except (OSError, UnicodeError) as error:
            answers.append(error if isinstance(error, OSError) else OSError(f"{host} is not a name"))

    thread = threading.Thread(target=ask, name="look-up", daemon=True)
    thread.start()
    with permit.released():
        thread.join(max(timeout_s, 0.0))
    answer = answers[0] if answers else TimeoutError(f"looking up {host} takes too long")
    if isinstance(answer, OSError):
        raise answer
    if not answer:
        raise OSError(f"{host} has no address")
    return answer
