"""Cookie names, without Django: the settings import this."""

from typing import Final
from urllib.parse import SplitResult

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def cookie_name(purpose: str, address: SplitResult) -> str:
    # Browsers send a cookie to every port of its host, so the name contains the port. On HTTPS, a prefix (__Host-, or
    # __Secure- if the address has a path) makes browsers refuse a cookie that another host of the domain has set.
    prefix = ""
    if address.scheme == "https":
        prefix = "__Secure-" if address.path.strip("/") else "__Host-"
    return f"{prefix}enhancelog-{purpose}-{address.port or _DEFAULT_PORTS[address.scheme]}"
