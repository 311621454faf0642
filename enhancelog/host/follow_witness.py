"""Follows the evidence of a host that is an Enhancelog: its log must have grown from what was seen of it."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from enhancelog.client import remembered
from enhancelog.client.exchange import one_line
from enhancelog.client.remembered import EVERY_S, Remembered
from enhancelog.client.witness_calls import Known, Seen, WitnessCalls
from enhancelog.domain.errors import Forked, Other
from enhancelog.host.follow import Polled
from enhancelog.host.log_http import Upstream
from enhancelog.transfer.items import Unreadable


class WitnessListener(Protocol):
    def forked(self, line: str) -> None: ...

    def doubtful(self, reason: str) -> None: ...


class Witnessed:
    """Polls ``log``, and then looks at the host's evidence, every ``EVERY_S``."""

    def __init__(
        self,
        log: Polled,
        upstream: Upstream,
        memory: Remembered,
        listener: WitnessListener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._upstream = upstream
        self._memory = memory
        self._listener = listener
        self._clock = clock
        self._calls = WitnessCalls(upstream.name)
        self._again_at = float("-inf")

    def poll(self) -> None:
        self._log.poll()
        if self._clock() < self._again_at:
            return
        self._again_at = self._clock() + EVERY_S
        try:
            self._look()
        except Forked as fork:
            self._listener.forked(str(fork))
        except Unreadable:
            pass  # its log could be read, which matters more; later it may answer
        except Other as error:
            self._listener.doubtful(one_line(str(error)))

    def _look(self) -> None:
        known = self._memory.read()
        try:
            seen = self._asked(known)
        except Forked as fork:
            raise self._memory.forked(fork, known) from None
        self._memory.keep(seen)

    def _asked(self, known: Known) -> Seen | None:
        call = self._calls.look(known)
        try:
            request = next(call)
            while True:
                request = call.send(self._upstream.answer(request))
        except StopIteration as end:
            result: Seen | None = end.value
            return result


def memory_of(url: str, data_dir: Path, keys: Sequence[str]) -> Remembered | None:
    """``None``: switched off. Raises ``Invalid``."""
    pinned = remembered.parse_keys("--key", " ".join(keys))
    if os.environ.get(remembered.FOLDER) == remembered.OFF:
        return None
    return Remembered(data_dir / "checkpoints", url, pinned)
