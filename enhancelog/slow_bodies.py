"""A request body that comes too slowly gives its thread back: reading it raises ``TimeoutError``.

The server hands requests over before their bodies have come, and a read waits as long as the sender likes; a few
stalled senders would hold every thread. Another thread reads ahead, so that the waiting can end. A body has ``GRACE_S``
seconds and one more for every ``MIN_BYTES_PER_S`` that came.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

GRACE_S: Final = 10.0
MIN_BYTES_PER_S: Final = 16 << 10

_CHUNK: Final = 65536
_AHEAD: Final = 4

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class PatientInput:
    """``wsgi.input`` with patience that ends; ``read`` is all of it that is used."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._chunks: queue.Queue[bytes | BaseException] = queue.Queue(_AHEAD)
        self._deadline = time.monotonic() + GRACE_S
        self._started = False
        self._rest = b""
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, all of them when negative, ``b""`` at the end. Raises ``TimeoutError``."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        if not self._rest and not self._ended:
            self._rest = self._next()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def readline(self, size: int = -1) -> bytes:
        raise NotImplementedError("a body is read by its size")

    def _next(self) -> bytes:
        if not self._started:
            self._started = True
            threading.Thread(target=self._pump, name="body", daemon=True).start()
        try:
            chunk = self._chunks.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            self._ended = True
            raise TimeoutError("the body came too slowly") from None
        if isinstance(chunk, BaseException):
            raise OSError("the body broke off") from chunk
        self._deadline += len(chunk) / MIN_BYTES_PER_S
        self._ended = not chunk
        return chunk

    def _pump(self) -> None:
        chunk: bytes | BaseException = b"-"
        while chunk and isinstance(chunk, bytes) and not self._ended:
            try:
                chunk = self._stream.read(_CHUNK)
            except BaseException as error:
                chunk = error
            self._chunks.put(chunk)


def with_patience(application: Application) -> Application:
    """The application behind bodies that must not take for ever."""

    def patient(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = PatientInput(environ["wsgi.input"])
        return application(environ, start_response)

    return patient
