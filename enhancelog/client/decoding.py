"""Reads a response body, compressed or not, without ever holding more than a limit. No Django.

httpx decodes a whole network read at once, and applies codings on top of each other as often as the server names them;
64 kB can thus become gigabytes.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

ACCEPT_ENCODING: Final = "gzip"

_STEP_BYTES: Final = 1 << 16
_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS


class DecodingError(ValueError):
    """The body is in a coding that was not asked for, or is not what its coding says."""


def decoded(parts: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """The body in steps of at most 64 kB beyond what the network brings. Raises ``DecodingError``."""
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
                raise DecodingError("the response goes on after the end of its gzip data")
            yield step
            rest = decompressor.unconsumed_tail
    if not (is_empty or decompressor.eof):
        raise DecodingError("the response ended within its gzip data")
