"""One log line and one measurement per request, with a request id."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from enhancelog.api.exchange import Exchange, exchange_of
from enhancelog.observing import metrics
from enhancelog.observing.structured_logs import client_address, request_id

# The id is a trusted proxy's well-formed ``X-Request-ID`` (``proxies`` removes others), else a new one. The line
# names the route, never the path, and nothing of query, headers, cookies or bodies. ``bytes`` is the body's size as
# sent, after compression. A stream counts when it ends. Static files, /health/ and /metrics are DEBUG lines unless
# they fail.
HEADER: Final = "X-Request-ID"
NO_ROUTE: Final = "none"
STATIC: Final = "static"
ROUTINE: Final = (STATIC, "health/live", "health/ready", "metrics")

_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_.:-]{8,128}")
_log = logging.getLogger("enhancelog.request")


class RequestLogMiddleware:
    """Directly inside ``TrustedProxiesMiddleware``, outside all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        exchange = exchange_of(request)
        started = time.perf_counter() if exchange is None else exchange.started
        request_id.set(_id_of(request, exchange))
        client_address.set(request.META.get("REMOTE_ADDR", ""))
        response = self.get_response(request)
        if exchange is not None and exchange.is_polling:
            return response  # not final
        response[HEADER] = request_id.get()
        ending = _Ending(request, response, started)
        if isinstance(response, StreamingHttpResponse) and "Content-Length" not in response.headers:
            streamed: Any = response.streaming_content
            response.streaming_content = _Counted(streamed, ending)
        else:
            ending.reached(_size(response))
        return response


class _Ending:
    def __init__(self, request: HttpRequest, response: HttpResponseBase, started: float) -> None:
        self._method = request.method if request.method in metrics.METHODS else "OTHER"
        self._route = _route(request)
        self._status = response.status_code
        self._request = request
        self._started = started
        self._request_id = request_id.get()

    def reached(self, size: int | None) -> None:
        """``size`` in bytes; ``None``: unknown."""
        seconds = time.perf_counter() - self._started
        metrics.request(self._method, self._route, self._status, seconds)
        request_id.set(self._request_id)
        fields = {"method": self._method, "route": self._route, "status": self._status, "bytes": size}
        fields |= {"ms": round(seconds * 1000, 1), **_actor(self._request)}
        _log.log(logging.DEBUG if self._is_routine() else logging.INFO, "request", extra=fields)

    def _is_routine(self) -> bool:
        return self._status < 400 and self._route in ROUTINE


class _Counted:
    def __init__(self, chunks: Iterable[bytes], ending: _Ending) -> None:
        self._chunks = iter(chunks)
        self._ending: _Ending | None = ending
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._size += len(chunk)
        return chunk

    def close(self) -> None:
        if self._ending is not None:
            self._ending.reached(self._size)
            self._ending = None


def _id_of(request: HttpRequest, exchange: Exchange | None) -> str:
    if exchange is not None and exchange.request_id:
        return exchange.request_id  # the request runs again
    sent = request.headers.get(HEADER, "")
    found = sent if _WELL_FORMED.fullmatch(sent) else uuid.uuid4().hex
    if exchange is not None:
        exchange.request_id = found
    return found


def _route(request: HttpRequest) -> str:
    if request.resolver_match is not None:
        return request.resolver_match.route or "/"
    return STATIC if request.path.startswith(settings.STATIC_URL) else NO_ROUTE


def _size(response: HttpResponseBase) -> int | None:
    if isinstance(response, HttpResponse):
        return len(response.content)
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _actor(request: HttpRequest) -> dict[str, str]:
    # Only if the request was authenticated already: to check now would cost a query.
    token = getattr(request, "auth", None)
    if token is not None:
        return {"actor_kind": "token", "actor_name": str(token)}
    user = getattr(request, "_cached_user", None)
    if user is not None and user.is_authenticated:
        return {"actor_kind": "user", "actor_name": user.get_username()}
    return {}
