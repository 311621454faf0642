"""The Atom feed of the last stored entries, with an ETag."""

import hashlib

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from enhancelog import __version__
from enhancelog.domain import page_sizes
from enhancelog.domain.filters import EntryFilter
from enhancelog.queries.newest import at, newest
from enhancelog.transfer import atom
from enhancelog.transfer.atom import About


def about(title: str, path: str, page: str) -> About:
    """``path`` and ``page``: addresses of the feed and of the list, without the host."""
    return About(f"Enhancelog: {title}", settings.PUBLIC_URL + path, settings.PUBLIC_URL + page)


def answer(request: HttpRequest, wanted: EntryFilter, described: About) -> HttpResponse:
    positions = newest(wanted, page_sizes.FEED)
    etag = _etag(described, positions)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        content = atom.feed(described, at(positions), settings.PUBLIC_URL)
        response = HttpResponse(content, content_type=atom.CONTENT_TYPE)
    response["ETag"] = etag
    return response


def _etag(described: About, positions: list[int]) -> str:
    text = repr((__version__, described, positions))
    return f'"{hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'
