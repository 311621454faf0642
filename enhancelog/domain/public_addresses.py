"""Addresses that users write, in the form that browsers send. All raise ``ValueError``."""

import re
import unicodedata
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
# Plain segments, which no proxy or browser rewrites.
_PATH: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def is_loopback(host: str) -> bool:
    """Whether this name or address, without brackets, can only be this machine (RFC 6761)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class PublicAddress(NamedTuple):
    """``host``: ASCII, IPv6 in brackets; ``port``: ``None`` for the scheme's default; ``path``: empty, or without a
    slash at its end."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def netloc(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def whole_port(self) -> int:
        return self.port or _DEFAULT_PORTS[self.scheme]


def parse(url: str) -> PublicAddress:
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc or parts.port == 0:
        raise ValueError(url)
    path = parts.path.rstrip("/")
    if parts.query or parts.fragment or not _PATH.fullmatch(path):
        raise ValueError(url)
    port = None if parts.port == _DEFAULT_PORTS[parts.scheme] else parts.port
    return PublicAddress(parts.scheme, ascii_host(parts.hostname), port, path)


def origin(url: str) -> str:
    """Of any URL."""
    parts = urlsplit(url)
    return parse(f"{parts.scheme}://{parts.netloc}").origin


def ascii_host(host: str) -> str:
    """A name or an address as in a Host header."""
    if ":" in host:
        if "%" in host:
            raise ValueError(host)
        return f"[{ip_address(host)}]"
    name = host.removesuffix(".").lower()
    if not name.isascii():
        name = _in_ascii(unicodedata.normalize("NFKC", name))
    if not _NAME.fullmatch(name):
        raise ValueError(host)
    if name.rpartition(".")[2].isdigit():
        ip_address(name)
    return name


def _in_ascii(name: str) -> str:
    import httpx  # slow to import, and seldom needed

    try:
        return httpx.URL(scheme="https", host=name).raw_host.decode("ascii")
    except httpx.InvalidURL:
        raise ValueError(name) from None
