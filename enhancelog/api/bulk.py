"""Bulk append of NDJSON or a JSON array, answered with one NDJSON result per entry after the last write. A database or
disk fault becomes a problem that lists what was stored."""

import io
from collections import deque
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec
from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.request import Request

from enhancelog.api.bodies import LengthRequired, is_chunked, read_chunks
from enhancelog.api.errors import fault_response
from enhancelog.api.exchange import exchange_of
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.backends.disk import fault_of
from enhancelog.domain import filters, strict_json
from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.transfer import bulk
from enhancelog.transfer.bulk import Limits, Refuse, Result, Stored
from enhancelog.transfer.json_stream import Splitter, array, lines, without_bom

_json = msgspec.json.Encoder()


def append_lines(request: Request, store: DatabaseEnhanceLogStore, refuse: Refuse, *, whole: bool) -> HttpResponseBase:
    """Raises ``TooLarge`` or ``LengthRequired`` before the first write."""
    if whole and is_chunked(request._request):
        raise LengthRequired
    limits = _limits(whole=whole)
    chunks = bulk.measured(without_bom(read_chunks(request._request, limits.max_bytes)), limits)
    exchange = exchange_of(request._request)
    if exchange is not None and exchange.body is not None:
        deque(chunks, maxlen=0)  # measures it; it is in a file already
        exchange.body.seek(0)
        return _answer(store, exchange.body, lines, refuse, whole=whole)
    with bulk.spool(chunks, settings.DATA_DIR) as body:
        return _answer(store, body, lines, refuse, whole=whole)


def append_array(body: bytes, store: DatabaseEnhanceLogStore, refuse: Refuse, *, whole: bool) -> HttpResponseBase:
    """Raises ``Invalid`` or ``TooLarge`` before the first write."""
    limits = _limits(whole=whole)
    if len(body) > limits.max_bytes:
        raise TooLarge("", len(body), limits.max_bytes)
    try:
        elements = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        strict_json.loads(body)  # raises what is wrong, and where
        raise Invalid("", "json", f"is not JSON: {error}") from None
    if len(elements) > limits.max_lines:
        raise TooLarge("", len(elements), limits.max_lines, "entries")
    return _answer(store, io.BytesIO(body), array, refuse, whole=whole)


def longest_json() -> int:
    """Bytes of a JSON body, which may be an entry or an array."""
    return max(settings.MAX_ENTRY_BYTES, min(settings.MAX_BULK_BYTES, bulk.ARRAY_MAX_BYTES))


def _limits(*, whole: bool) -> Limits:
    return Limits(
        min(settings.MAX_BULK_BYTES, bulk.ATOMIC_MAX_BYTES) if whole else settings.MAX_BULK_BYTES,
        min(settings.MAX_BULK_LINES, bulk.ATOMIC_MAX_LINES) if whole else settings.MAX_BULK_LINES,
        settings.MAX_ENTRY_BYTES,
    )


def _answer(
    store: DatabaseEnhanceLogStore, body: IO[bytes], split: Splitter, refuse: Refuse, *, whole: bool
) -> HttpResponseBase:
    stored = Stored()
    try:
        if whole:
            done, results = bulk.append_all(store, body, split, settings.MAX_ENTRY_BYTES, refuse)
            return HttpResponse(
                _json.encode_lines(results), status=200 if done else 422, content_type=MEDIA_TYPES["ndjson"]
            )
        batches = bulk.append(store, body, split, settings.MAX_ENTRY_BYTES, refuse)
        answer = bulk.spool(_lines(batches, stored), settings.DATA_DIR)  # the response closes it
        response = FileResponse(answer, content_type=MEDIA_TYPES["ndjson"])
        response.block_size = bulk.CHUNK
        return response
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        return fault_response(fault, stored=stored.issue_ids, stored_count=stored.count)


def _lines(batches: Iterable[list[Result]], stored: Stored) -> Iterator[bytes]:
    for results in batches:
        stored.add(results)
        yield _json.encode_lines(results)


def is_atomic(request: HttpRequest) -> bool:
    """Raises ``Invalid`` unless ``atomic`` is ``true`` or ``false``."""
    return filters.flag(dict(request.GET.lists()), "atomic")
