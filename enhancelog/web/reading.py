"""Reads pages and lists from the replica; without the primary, refuses writes and says so on each page."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from enhancelog.api.errors import problem_response
from enhancelog.api.retry_after import RETRY_AFTER_S, retry_after
from enhancelog.backends import reading
from enhancelog.backends.reading import Source
from enhancelog.web import failures

# Of RFC 3339, on whatever is read without the primary
READ_ONLY_SINCE: Final = "Enhancelog-Read-Only-Since"

# What they say is about the primary.
_OF_PRIMARY: Final = ("/health/", "/metrics", "/admin/status/")
# A code of the provider can be spent only once.
_WRITTEN: Final = "/account/oidc/"
_KEPT: Final = "_lacks_writes"


class ReadingMiddleware:
    """Outside everything that asks the database. It decides once for each run of a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not reading.is_configured():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(_OF_PRIMARY):
            return self.get_response(request)
        if request.method not in failures.SAFE_METHODS or _signs_in(request):
            return self._written(request)
        source = reading.source()
        return self.get_response(request) if source is None else self._read(request, source)

    def _written(self, request: HttpRequest) -> HttpResponseBase:
        # Without the primary, the session is read from the replica, and ``UnavailableMiddleware`` refuses the write.
        reading.watch()
        with reading.at(reading.source() if reading.is_read_only() else None):
            return self.get_response(request)

    def _read(self, request: HttpRequest, source: Source) -> HttpResponseBase:
        lacks_writes = source.read_only_since is not None and reading.lacks_writes(source)
        if lacks_writes and failures.is_for_programs(request):
            return _lacking(source)
        setattr(request, _KEPT, lacks_writes)
        attributes, meta = dict(vars(request)), dict(request.META)
        with reading.at(source) as run:
            response = self.get_response(request)
        if run.has_failed and source.read_only_since is None:
            # It writes, or the replica went away: once more, as if nothing had happened, on the primary.
            response.close()
            vars(request).clear()
            vars(request).update(attributes)
            request.META.clear()
            request.META.update(meta)
            return self.get_response(request)
        if source.read_only_since is not None:
            response[READ_ONLY_SINCE] = reading.rfc3339(source.read_only_since)
        if run.is_of_replica and isinstance(response, StreamingHttpResponse):
            pieces: Any = response.streaming_content
            response.streaming_content = _read_at(source, pieces)
        return response


def _signs_in(request: HttpRequest) -> bool:
    """Whether it is a read that surely writes."""
    if request.path_info.startswith(_WRITTEN):
        return True
    starts_session = settings.REMOTE_USER_HEADER in request.META and not failures.is_for_programs(request)
    return starts_session and settings.SESSION_COOKIE_NAME not in request.COOKIES


def in_templates(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    since = reading.read_only_since()
    return {
        "reads_replica": reading.is_configured(),
        "read_only_since": since,
        "lacks_writes": since is not None and getattr(request, _KEPT, False),
    }


def _read_at(source: Source, pieces: Iterable[bytes]) -> Iterator[bytes]:
    # Each piece may be read in another thread, and so on another connection.
    iterator = iter(pieces)
    while True:
        with reading.at(source):
            piece = next(iterator, None)
        if piece is None:
            return
        yield piece


def _lacking(source: Source) -> HttpResponseBase:
    assert source.read_only_since is not None  # noqa: S101
    since = reading.rfc3339(source.read_only_since)
    detail = f"The primary database is gone since {since}, and the replica lacks what was written last; try again."
    return problem_response(503, detail, headers={"Retry-After": retry_after(RETRY_AFTER_S), READ_ONLY_SINCE: since})
