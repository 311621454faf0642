"""How many failed sign-ins lock what, and for how long. Without Django: the settings import this."""

from datetime import timedelta
from typing import Final

# Wrong passwords for one name from one network, or for any names from one network, lock it. A network is an IPv4
# address or an IPv6 /64: customers get at least a /64, so counting single addresses would be pointless.
NAME_FAILURE_LIMIT: Final = 10
NETWORK_FAILURE_LIMIT: Final = 100  # typing errors must not lock out an office behind one address
IPV6_PREFIX: Final = 64

LOCKOUT_TIME: Final = timedelta(minutes=15)
