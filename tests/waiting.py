"""Waiting for what another thread or process does meanwhile."""

import time
from collections.abc import Callable

LONGEST_S = 30.0


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds. Raises ``AssertionError`` where that takes too long."""
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.002)
