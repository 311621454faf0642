"""A WSGI response, pulled in pieces at the client's speed."""

from collections.abc import Callable, Iterable
from typing import Any, Final

# Bytes of a stream per pull, unless it ends earlier or has larger chunks.
PIECE: Final = 64 << 10

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Header = tuple[bytes, bytes]


class Response:
    def __init__(self, application: Application, environ: dict[str, Any]) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self._iterable = application(environ, self._start)
        self._chunks = iter(self._iterable)
        self.is_over = False

    def pull(self) -> bytes:
        """The next piece; the last one sets ``is_over`` and closes the response."""
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
        """Idempotent; WSGI requires one call in any case."""
        if self.is_over:
            return
        self.is_over = True
        close = getattr(self._iterable, "close", None)
        if close is not None:
            close()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
