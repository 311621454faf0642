"""The Atom feed of the last stored entries, with an ETag."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from enhancelog import __version__, links
from enhancelog.api.base import conditional_response, etag_of
from enhancelog.domain import page_sizes
from enhancelog.domain.filters import EntryFilter
from enhancelog.queries import redacted
from enhancelog.queries.newest import listed_at, newest
from enhancelog.transfer import atom
from enhancelog.transfer.atom import About


def about(title: str, path: str, page: str) -> About:
    """``path`` and ``page``: addresses of the feed and of the list, without the host."""
    return About(f"Enhancelog: {title}", links.absolute(path), links.absolute(page))


def answer(request: HttpRequest, wanted: EntryFilter, described: About) -> HttpResponse:
    positions = newest(wanted, page_sizes.FEED)
    etag = etag_of(b"", __version__, described, positions, redacted.number())
    if response := conditional_response(request, etag):
        return response
    content = atom.feed(described, listed_at(positions), settings.PUBLIC_ORIGIN)
    return HttpResponse(content, content_type=atom.CONTENT_TYPE, headers={"ETag": etag})
