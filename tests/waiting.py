"""Waiting for what another thread or process does meanwhile."""

import asyncio
import time
from collections.abc import Callable

LONGEST_S = 60.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.05


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds. Raises ``AssertionError`` where that takes too long."""
    deadline = time.monotonic() + LONGEST_S
    pause_s = SHORTEST_PAUSE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)  # looking at /proc all the time would take a CPU


async def until(condition: Callable[[], bool]) -> None:
    """The same in an event loop, which goes on meanwhile."""
    async with asyncio.timeout(LONGEST_S):
        while not condition():
            await asyncio.sleep(SHORTEST_PAUSE_S)
