"""Content codings: negotiation (RFC 9110, 12.5.3) and compression."""

import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Coding = Literal["zstd", "gzip"]

# The last levels before the cost doubles; measured in docs/architecture.md.
GZIP_LEVEL: Final = 3
ZSTD_LEVEL: Final = 1

_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS
_PREFERENCE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]++)(?:[ \t]*+;[ \t]*+q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")


MAX_HEADER: Final = 1000  # longer headers are ignored, because the parsed ones are cached


def preferred(accept_encoding: str) -> Coding | None:
    """``None``: identity, also if the header is malformed."""
    return _preferred(accept_encoding) if len(accept_encoding) <= MAX_HEADER else None


@lru_cache(maxsize=256)
def _preferred(accept_encoding: str) -> Coding | None:
    weights = _weights(accept_encoding.lower())
    others = weights.get("*", 0.0)
    for_zstd = weights.get("zstd", 0.0)  # must be named: not every client that sends "*" can read it
    for_gzip = weights.get("gzip", others)
    best = max(for_zstd, for_gzip)
    if best == 0 or best < weights.get("identity", others):
        return None
    return "zstd" if for_zstd == best else "gzip"


def compressed(body: bytes, coding: Coding) -> bytes:
    if coding == "zstd":
        return zstd.compress(body, level=ZSTD_LEVEL)
    return zlib.compress(body, GZIP_LEVEL, wbits=_GZIP_FORMAT)


def compressed_stream(chunks: Iterable[bytes], coding: Coding) -> Iterator[bytes]:
    """Flushes after each chunk."""
    compress, end = _compressor(coding)
    for chunk in chunks:
        if chunk:
            yield compress(chunk)
    yield end()


def _compressor(coding: Coding) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if coding == "zstd":
        as_zstd = zstd.ZstdCompressor(level=ZSTD_LEVEL)
        return lambda chunk: as_zstd.compress(chunk, as_zstd.FLUSH_BLOCK), as_zstd.flush
    as_gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    return lambda chunk: as_gzip.compress(chunk) + as_gzip.flush(zlib.Z_SYNC_FLUSH), as_gzip.flush


def _weights(header: str) -> dict[str, float]:
    """Empty if the header is malformed."""
    weights: dict[str, float] = {}
    for item in header.split(","):
        if not item.strip(" \t"):
            continue
        preference = _PREFERENCE.fullmatch(item.strip(" \t"))
        if preference is None:
            return {}
        name, weight = preference[1], float(preference[2] or 1)
        weights[name] = min(weight, weights.get(name, weight))
    return weights
