"""What the header Retry-After says."""

import math
from typing import Final

RETRY_AFTER_S: Final = 1
GONE_RETRY_AFTER_S: Final = 5  # for a failover
FULL_RETRY_AFTER_S: Final = 10  # space has to be made first


def retry_after(seconds: float) -> str:
    """The header's value: whole seconds, rounded up, at least 1."""
    return str(max(1, math.ceil(seconds)))
