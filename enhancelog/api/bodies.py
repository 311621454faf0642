from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import APIException, UnsupportedMediaType

from enhancelog.api.exchange import exchange_of
from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.domain.strict_json import BOM

_CHUNK = 65536


def read_body(request: HttpRequest, max_bytes: int) -> bytes:
    """Without a byte-order mark. Raises ``TooLarge`` (bytes) or ``Invalid``."""
    return b"".join(read_chunks(request, max_bytes)).removeprefix(BOM)


def read_chunks(request: HttpRequest, max_bytes: int) -> Iterator[bytes]:
    """The declared length is optional. Raises ``TooLarge`` (bytes) or ``Invalid``."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if exchange := exchange_of(request):
        exchange.max_body_bytes = max_bytes
    if declared.isdigit() and int(declared) > max_bytes:
        raise TooLarge("", int(declared), max_bytes)
    # Django reads declared bytes only.
    stream = request.META["wsgi.input"] if is_chunked(request) and not declared else request
    size = 0
    while chunk := _read(stream):
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge("", size, max_bytes)
        yield chunk
    if declared.isdigit() and size < int(declared):
        raise Invalid("", "length", f"ended after {size:,} of {int(declared):,} bytes")


def is_chunked(request: HttpRequest) -> bool:
    # Without a length, a truncated body looks complete.
    return "chunked" in request.headers.get("Transfer-Encoding", "").lower()


class LengthRequired(APIException):
    status_code = 411
    default_detail = (
        "Send a Content-Length: without it, a truncated body looks complete, and all or nothing cannot be guaranteed."
    )


def _read(stream: Any) -> bytes:
    try:
        data: bytes = stream.read(_CHUNK)
    except OSError:
        raise Invalid("", "length", "ended before it was complete") from None
    return data


def require_type(request: HttpRequest, *accepted: str) -> str:
    """The media type. Raises ``UnsupportedMediaType`` (415), also if compressed."""
    media_type = (request.content_type or "").lower()
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if media_type not in accepted or charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(media_type, f"Send {' or '.join(accepted)} in UTF-8.")
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        detail = f'The Content-Encoding "{coding[:40]}" is not supported; send the body uncompressed.'
        raise UnsupportedMediaType(media_type, detail)
    return media_type
