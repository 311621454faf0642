"""What counts as one client by its address."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

# Customers get at least a /64, so counting single addresses would be pointless.
IPV6_PREFIX: Final = 64


@lru_cache(maxsize=1024)
def network_of(address: str) -> str | None:
    """The IPv4 address, also of a mapped one, or the first address of the IPv6 network; ``None`` for anything else."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((parsed, IPV6_PREFIX), strict=False).network_address)
        parsed = parsed.ipv4_mapped  # otherwise all of IPv4 would be one network
    return str(parsed)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
