"""Compresses responses over 1 kB, and streams chunk by chunk."""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Final, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from enhancelog.transfer.formats import FORMATS
from enhancelog.web.codings import Coding, preferred

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# The last levels before the cost doubles; measured in docs/architecture.md.
GZIP_LEVEL: Final = 3
ZSTD_LEVEL: Final = 1

_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS

LEAST_BYTES: Final = 1024
MEDIA_TYPES: Final = frozenset(
    {"text/html", "application/schema+json", "application/yaml", *(one.media_type for one in FORMATS.values())}
)

_WITHOUT_WHOLE_BODY: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.PARTIAL_CONTENT)
# ``Sec-Fetch-Site`` of requests by our own pages or by the user
_OWN_REQUESTS: Final = ("same-origin", "none")


class CompressionMiddleware:
    # In MIDDLEWARE after WhiteNoise, whose files are compressed already, and before everything that sets ETags.

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        _make_if_match_strong(request)
        response = self.get_response(request)
        is_unchanged = response.status_code == HTTPStatus.NOT_MODIFIED
        if is_unchanged or _may_be_compressed(response):
            patch_vary_headers(response, ["Accept-Encoding"])
            coding = preferred(request.headers.get("Accept-Encoding", ""))
            if coding and is_unchanged:
                _repeat_etag(request, response)
            elif coding and request.headers.get("Sec-Fetch-Site", "none") in _OWN_REQUESTS:
                _compress(response, coding)
        return response


# Because of BREACH, responses with a secret, which must be ``no-store``, and responses to cross-site requests are not
# compressed.
def _may_be_compressed(response: HttpResponseBase) -> bool:
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES or response.status_code in _WITHOUT_WHOLE_BODY:
        return False
    cache_control = response.headers.get("Cache-Control", "").lower()
    is_forbidden = "no-store" in cache_control or "no-transform" in cache_control
    return not is_forbidden and "Content-Encoding" not in response.headers


def _compress(response: HttpResponseBase, coding: Coding) -> None:
    if isinstance(response, StreamingHttpResponse):
        chunks = cast(Iterable[bytes], response.streaming_content)  # nothing here is asynchronous
        response.streaming_content = compressed_stream(chunks, coding)
        del response.headers["Content-Length"]
    elif isinstance(response, HttpResponse):
        content = response.content
        if len(content) <= LEAST_BYTES or len(smaller := compressed(content, coding)) >= len(content):
            return
        response.content = smaller
        response["Content-Length"] = str(len(smaller))
    response["Content-Encoding"] = coding
    if "ETag" in response.headers:
        response["ETag"] = _weak(response["ETag"])


def _repeat_etag(request: HttpRequest, response: HttpResponseBase) -> None:
    # A cache updates the response with exactly the 304's ETag, so it must be the one that the client sent.
    etag = response.headers.get("ETag", "")
    if etag and _weak(etag) in parse_etags(request.headers.get("If-None-Match", "")):
        response["ETag"] = _weak(etag)


def _make_if_match_strong(request: HttpRequest) -> None:
    # If-Match compares strongly, so it would never match the weak ETag that we sent.
    if "W/" in (value := request.META.get("HTTP_IF_MATCH", "")):
        request.META["HTTP_IF_MATCH"] = ", ".join(etag.removeprefix("W/") for etag in parse_etags(value))


def _weak(etag: str) -> str:
    return etag if etag.startswith("W/") else f"W/{etag}"


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
