"""Answers 304 when a page is unchanged."""

import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache, wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response

import enhancelog
from enhancelog.backends import reading
from enhancelog.domain.times import day_of, now_ms
from enhancelog.queries.version import log_version
from enhancelog.web.htmx import private
from enhancelog.web.mention_count import unseen

View = Callable[..., HttpResponseBase]

_CODE: Final = ("enhancelog", "content")
_PAGES: Final = ("templates", "static")
_SUFFIXES: Final = {".py", ".jinja", ".css", ".js", ".svg"}
# A period or age that ends at this millisecond. Days and weeks are whole ones.
_FROM_NOW: Final = re.compile(r"24h|[0-9]{1,19}[mh]")
_DECIDING: Final = (
    "HTTP_COOKIE",
    "HTTP_ACCEPT",
    "HTTP_HX_REQUEST",
    "HTTP_HX_BOOSTED",
    "HTTP_HX_HISTORY_RESTORE_REQUEST",
    "HTTP_HX_TARGET",
    "HTTP_HX_CURRENT_URL",
)


def revalidated(also: Callable[..., object] = lambda **arguments: None) -> Callable[[View], View]:
    """``also`` returns what else the page depends on."""

    def decorator(view: View) -> View:
        @wraps(view)
        def revalidating(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            # Files, the clock and messages change a page although the log does not.
            if settings.RELOAD or _is_no_page(request) or _counts_from_now(request) or len(get_messages(request)):
                return view(request, **arguments)
            etag = _etag(request, log_version(), also(**arguments))
            unchanged = get_conditional_response(request, etag=etag)
            response = view(request, **arguments) if unchanged is None else private(unchanged)
            if response.status_code in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
                response["ETag"] = etag
            return response

        return revalidating

    return decorator


def _is_no_page(request: HttpRequest) -> bool:
    # Feeds, exports and counts of new entries have their own validators.
    return "format" in request.GET or "after" in request.GET


def _counts_from_now(request: HttpRequest) -> bool:
    return any(_FROM_NOW.fullmatch(value) for _, values in request.GET.lists() for value in values)


def _etag(request: HttpRequest, *versions: object) -> str:
    # Weak, because a form's CSRF token is masked anew in each response.
    user = request.user
    reader = (user.pk, user.get_username(), user.is_staff, user.is_superuser, unseen(request))
    headers = [request.META.get(name) for name in _DECIDING]
    parts = (release(), reader, request.get_full_path(), headers, day_of(now_ms()), reading.read_only_since(), versions)
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


@cache
def release() -> str:
    """Changes with the version, files and settings of pages."""
    shown = (enhancelog.__version__, settings.PUBLIC_URL, settings.PUBLIC_READ)
    digest = hashlib.sha256(repr(shown).encode())
    for path in _files():
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    folders = [settings.BASE_DIR / name for name in _CODE] + [settings.PAGES_DIR / name for name in _PAGES]
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
