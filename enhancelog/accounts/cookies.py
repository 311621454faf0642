"""Cookie names, without Django: the settings import this."""

from enhancelog.domain.public_addresses import PublicAddress


def cookie_name(purpose: str, address: PublicAddress) -> str:
    # Browsers send a cookie to every port of its host, and to every path below its own, so the name contains both. On
    # HTTPS, a prefix (__Host-, or __Secure- if the address has a path) makes browsers refuse a cookie that another host
    # of the domain has set.
    prefix = ""
    if address.scheme == "https":
        prefix = "__Secure-" if address.path else "__Host-"
    return f"{prefix}enhancelog-{purpose}-{address.whole_port}{address.path.replace('/', '-')}"
