"""The names of our cookies. No Django: the settings are made of them."""

from typing import Final
from urllib.parse import SplitResult

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def cookie_name(purpose: str, address: SplitResult) -> str:
    """The name of the cookie for ``purpose`` on the server at ``address``.

    Browsers send a cookie to every port of its host, so the name carries the port. On HTTPS a prefix lets browsers
    refuse a cookie that another host of the domain set: ``__Host-``, or ``__Secure-`` where the address has a path.
    """
    prefix = ""
    if address.scheme == "https":
        prefix = "__Secure-" if address.path.strip("/") else "__Host-"
    return f"{prefix}enhancelog-{purpose}-{address.port or _DEFAULT_PORTS[address.scheme]}"
