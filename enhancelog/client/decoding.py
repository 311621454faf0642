"""Decodes a response body in bounded memory. No Django."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

ACCEPT_ENCODING: Final = "gzip"

# httpx would decode a whole network read at once, and as many nested codings as the server names: 64 kB can become
# gigabytes.
_STEP_BYTES: Final = 1 << 16
_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS


class DecodingError(ValueError):
    """An unrequested coding, or a malformed body."""


def decoded(parts: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Yields parts of at most 64 kB, or as received. Raises ``DecodingError``."""
    match coding.strip().lower():
        case "" | "identity":
            yield from parts
        case "gzip":
            yield from _gunzipped(parts)
        case _:
            raise DecodingError(f"the response has the Content-Encoding {coding[:40]}, which was not requested")


def _gunzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(_GZIP_FORMAT)
    is_empty = True
    for part in parts:
        rest = part
        while rest:
            is_empty = False
            try:
                step = decompressor.decompress(rest, _STEP_BYTES)
            except zlib.error as error:
                raise DecodingError(f"the response is not valid gzip: {error}") from None
            if decompressor.unused_data:
                raise DecodingError("the response continues after the end of its gzip data")
            yield step
            rest = decompressor.unconsumed_tail
    if not (is_empty or decompressor.eof):
        raise DecodingError("the response ended within its gzip data")
