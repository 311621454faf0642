"""A WSGI application's response, pulled in pieces so that a stream is made no faster than its client reads it."""

from collections.abc import Callable, Iterable
from typing import Any, Final

PIECE: Final = 64 << 10
"""Bytes of a stream that are made in one go, unless it ends before or makes larger ones."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Header = tuple[bytes, bytes]


class Response:
    """Not thread-safe: one thread at a time calls it."""

    def __init__(self, application: Application, environ: dict[str, Any]) -> None:
        """Run the application. What it raises comes through."""
        self.status = 0
        self.headers: list[Header] = []
        self._iterable = application(environ, self._start)
        self._chunks = iter(self._iterable)
        self.is_over = False

    def pull(self) -> bytes:
        """The next piece. At the end, ``is_over`` is set and the response is closed."""
        found: list[bytes] = []
        size = 0
        try:
            while size < PIECE:
                chunk = next(self._chunks, None)
                if chunk is None:
                    self.close()
                    break
                found.append(chunk)
                size += len(chunk)
        except BaseException:
            self.close()
            raise
        return b"".join(found)

    def close(self) -> None:
        """As WSGI demands once, whether the response was sent or not."""
        if self.is_over:
            return
        self.is_over = True
        close = getattr(self._iterable, "close", None)
        if close is not None:
            close()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
