"""Decodes a response body in bounded memory."""

import zlib
from collections.abc import Iterator
from typing import Final

ACCEPT_ENCODING: Final = "gzip"

# httpx would decode a whole network read at once, and as many nested codings as the server names: 64 kB can become
# gigabytes.
_STEP_BYTES: Final = 1 << 16
_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS


class DecodingError(ValueError):
    """An unrequested coding, or a malformed body."""


class Decoder:
    def __init__(self, coding: str) -> None:
        chosen = coding.strip().lower()
        if chosen not in ("", "identity", "gzip"):
            raise DecodingError(f"the response has the Content-Encoding {coding[:40]}, which was not requested")
        self._gzip = zlib.decompressobj(_GZIP_FORMAT) if chosen == "gzip" else None
        self._is_empty = True

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Yields parts of at most 64 kB, or as received."""
        if self._gzip is None:
            yield part
            return
        while part:
            self._is_empty = False
            try:
                step = self._gzip.decompress(part, _STEP_BYTES)
            except zlib.error as error:
                raise DecodingError(f"the response is not valid gzip: {error}") from None
            if self._gzip.unused_data:
                raise DecodingError("the response continues after the end of its gzip data")
            yield step
            part = self._gzip.unconsumed_tail

    def end(self) -> None:
        if self._gzip and not (self._is_empty or self._gzip.eof):
            raise DecodingError("the response ended within its gzip data")
