"""An asynchronous store with the blocking stores' interface, so that one contract suite covers both."""

import asyncio
import threading
from functools import cache
from typing import Any

_lock = threading.Lock()


class Blocking:
    """Runs every method in one event loop, from any thread."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._store, name)
        if not callable(member):
            return member
        return lambda *arguments, **options: asyncio.run_coroutine_threadsafe(
            member(*arguments, **options), _loop()
        ).result(timeout=60)


def _loop() -> asyncio.AbstractEventLoop:
    with _lock:  # threads that come at once get the same one
        return _made_loop()


@cache
def _made_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
