"""How many failed sign-ins lock what, and for how long. Without Django: the settings import this."""

from datetime import timedelta
from typing import Final

# Wrong passwords for one name from one network (see ``networks``), or for any names from one network, lock it.
NAME_FAILURE_LIMIT: Final = 10
NETWORK_FAILURE_LIMIT: Final = 100  # typing errors must not lock out an office behind one address

LOCKOUT_TIME: Final = timedelta(minutes=15)
