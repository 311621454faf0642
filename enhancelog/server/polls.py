"""Long polls wait in the event loop; one query of the log serves all."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

from django.db import Error, connection

from enhancelog.api.exchange import Poll
from enhancelog.store.database import last_position

LOOK_EVERY_S: Final = 0.25

End = Literal["grown", "time", "gone", "stopping"]


class Polls:
    def __init__(self, pool: ThreadPoolExecutor, look: Callable[[], int] | None = None) -> None:
        self.pool = pool
        self._look = look or _last_position
        self._waiting: dict[asyncio.Future[End], Poll] = {}
        self._watch: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def wait(self, poll: Poll, gone: asyncio.Future[None]) -> End:
        if self._is_stopping:
            return "stopping"
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[End] = loop.create_future()
        timer = loop.call_later(max(0.0, poll.deadline - time.monotonic()), _end, ended, "time")
        gone.add_done_callback(lambda _: _end(ended, "gone"))
        self._waiting[ended] = poll
        if self._watch is None:
            self._watch = loop.create_task(self._watch_log())
        try:
            return await ended
        finally:
            timer.cancel()
            del self._waiting[ended]

    def stop(self) -> None:
        self._is_stopping = True
        for ended in self._waiting:
            _end(ended, "stopping")

    async def _watch_log(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                position = await loop.run_in_executor(self.pool, self._look)
                for ended, poll in self._waiting.items():
                    if position > poll.beyond:
                        _end(ended, "grown")
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._watch = None


def _end(ended: asyncio.Future[End], how: End) -> None:
    if not ended.done():
        ended.set_result(how)


def _last_position() -> int:
    try:
        return last_position()
    except (Error, OSError):
        connection.close()
        return 0  # polls continue and hit the fault themselves at their end
