"""Receives request bodies in the event loop, within limits of size and time."""

import asyncio
import io
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from enhancelog.api.exchange import Refusal
from enhancelog.api.retry_after import FULL_RETRY_AFTER_S, RETRY_AFTER_S
from enhancelog.observing import metrics

# The API can look at a request before a large body is fully received, so that an unauthorized client need not send it.

# Larger bodies (bytes) go to an unnamed file in the data folder.
IN_MEMORY: Final = 256 << 10
MAX_FORM_BYTES: Final = 64 << 10
FORM_S: Final = 30.0
# Minimum average rate of a large body, bytes per second.
SLOWEST: Final = 4096
WRITE_BYTES: Final = 1 << 20
# Bytes of unfinished bodies in memory per process; beyond this they go to files at once.
MEMORY_FOR_ALL: Final = 64 << 20

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Limits(NamedTuple):
    """``stall_s``: for the next part. ``total_s``: for the body; ``None`` means at ``SLOWEST``."""

    max_bytes: int
    stall_s: float
    total_s: float | None = None


class Pending(BaseException):
    """The application read past what was received. No handler of ``Exception`` may catch it."""


# ``limit``: the limit that the body exceeded, for the metrics.
class Refused(Exception):
    def __init__(self, status: HTTPStatus, detail: str, limit: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.refusal = Refusal(status, detail, retry_after_s)
        if limit:
            metrics.limited(limit)


class Receiving:
    """``max_in_files``: bytes of unfinished requests' bodies that may be in files at once."""

    def __init__(self, folder: Path, pool: Executor, max_in_files: int) -> None:
        self.folder = folder
        self.pool = pool
        self.in_memory = 0
        self.in_files = 0
        self.max_in_files = max_in_files
        self.waits: set[asyncio.Timeout] = set()
        self.is_stopping = False

    # Bodies that have not arrived are refused.
    def stop(self) -> None:
        self.is_stopping = True
        for wait in self.waits:
            with suppress(RuntimeError):  # it just expired
                wait.reschedule(0)


class Body:
    """``declared``: Content-Length, ``None`` if chunked."""

    def __init__(self, receive: Receive, declared: int | None, limits: Limits, receiving: Receiving) -> None:
        self._receive = receive
        self._declared = declared
        self._limits = limits
        self._receiving = receiving
        self._began = time.monotonic()
        self._buffer = bytearray()
        self._counted = 0
        self._reserved = 0  # of what may be in files
        self._size = 0
        self._is_complete = declared == 0
        self.has_arrived = declared == 0
        # The complete body, rewound, if too large for memory.
        self.file: IO[bytes] | None = None

    async def receive_first(self) -> None:
        """Receive the body if it fits into memory, else at most its start, before Django runs. Raises ``Refused``."""
        if self._declared is not None:
            self._check_size(self._declared)
        if self._declared is None or self._declared <= IN_MEMORY:
            await self._receive_to(IN_MEMORY)

    async def receive_rest(self, max_bytes: int | None) -> None:
        """Receive the whole body, or enough to exceed ``max_bytes``. Raises ``Refused``."""
        await self._receive_to(self._limits.max_bytes if max_bytes is None else max_bytes)
        self._is_complete = True

    def reader(self) -> io.BufferedIOBase:
        """Reading past the end of an incomplete body raises ``Pending``."""
        if self.file is None:
            return _Received(bytes(self._buffer), is_complete=self._is_complete)
        if not self._is_complete:
            return _Received(b"", is_complete=False)
        return io.BufferedReader(io.FileIO(self.file.fileno(), closefd=False))

    # The application then sees an empty body.
    def discard(self) -> None:
        self._buffer.clear()
        self._is_complete = True
        self.close()

    def close(self) -> None:
        self._count(0)
        if self.file is not None:
            self.file.close()
            self.file = None
        self._receiving.in_files -= self._reserved
        self._reserved = 0

    # Until the body is complete, or larger than ``size``.
    async def _receive_to(self, size: int) -> None:
        while not self._is_complete and self._size <= size:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise Refused(HTTPStatus.BAD_REQUEST, self._cut())
            part = message.get("body", b"")
            self._buffer += part
            self._size += len(part)
            self._check_size(self._size)
            self._is_complete = self.has_arrived = not message.get("more_body", False)
            await self._keep()
        if self.file is not None:
            await self._write()
            self.file.seek(0)

    def _check_size(self, size: int) -> None:
        limit = self._limits.max_bytes
        if size > limit:
            detail = f"The body is larger than the limit of {limit:,} bytes; nothing was changed."
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, "body_size")

    async def _next(self) -> Message:
        now = time.monotonic()
        total_s = self._limits.total_s or self._limits.stall_s + self._size / SLOWEST
        by = min(now + self._limits.stall_s, self._began + total_s)
        waits = self._receiving.waits
        try:
            async with asyncio.timeout(0 if self._receiving.is_stopping else by - now) as wait:
                waits.add(wait)
                try:
                    return await self._receive()
                finally:
                    waits.discard(wait)
        except TimeoutError:
            raise self._late() from None

    def _late(self) -> Refused:
        if self._receiving.is_stopping:
            detail = "The server is stopping; nothing was changed. Try again."
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
        detail = "The body did not arrive in time; nothing was changed."
        return Refused(HTTPStatus.REQUEST_TIMEOUT, detail, "body_time")

    def _cut(self) -> str:
        of = "" if self._declared is None else f" of {self._declared:,}"
        return f"The body ended after {self._size:,}{of} bytes; nothing was changed."

    # In memory while the body is small and there is room, else in a file, written in larger parts.
    async def _keep(self) -> None:
        self._count(len(self._buffer))
        is_small = len(self._buffer) <= IN_MEMORY if self.file is None else len(self._buffer) < WRITE_BYTES
        if not is_small or self._receiving.in_memory > MEMORY_FOR_ALL:
            await self._write()

    async def _write(self) -> None:
        self._reserve()
        data, self._buffer = bytes(self._buffer), bytearray()
        self._count(0)
        await asyncio.get_running_loop().run_in_executor(self._receiving.pool, self._write_file, data)

    # All that was declared, so that bodies are not refused half-way because of each other.
    def _reserve(self) -> None:
        receiving = self._receiving
        wanted = self._size if self._declared is None else self._declared
        if receiving.in_files - self._reserved + wanted > receiving.max_in_files:
            detail = "The server has too many large bodies under way; nothing was changed. Try again."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, "body_files", retry_after_s=RETRY_AFTER_S)
        receiving.in_files += wanted - self._reserved
        self._reserved = wanted

    def _write_file(self, data: bytes) -> None:
        try:
            if self.file is None:
                self.file = tempfile.TemporaryFile(dir=self._receiving.folder, buffering=0)  # noqa: SIM115  see close
            self.file.seek(0, os.SEEK_END)
            while data:
                data = data[self.file.write(data) :]
        except OSError as error:
            detail = f"The server has no room for the body ({error.strerror}); nothing was changed. Try again later."
            raise Refused(HTTPStatus.INSUFFICIENT_STORAGE, detail, retry_after_s=FULL_RETRY_AFTER_S) from error

    def _count(self, size: int) -> None:
        self._receiving.in_memory += size - self._counted
        self._counted = size


class _Received(io.BytesIO):
    # Django and our views only use ``read`` and ``readline``.
    def __init__(self, data: bytes, *, is_complete: bool) -> None:
        super().__init__(data)
        self._is_complete = is_complete

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not self._is_complete and (size is None or size < 0 or len(data) < size):
            raise Pending
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not self._is_complete and not line.endswith(b"\n") and len(line) != size:
            raise Pending
        return line
