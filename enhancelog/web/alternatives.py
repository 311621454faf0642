"""Other forms of a list: feed, exports, saved view, new entries."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from enhancelog import links
from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.queries.entries import Page
from enhancelog.queries.horizon import horizon
from enhancelog.queries.newest import count_beyond
from enhancelog.transfer.formats import EXPORTS, FORMATS
from enhancelog.web import feeds
from enhancelog.web.htmx import private
from enhancelog.web.questions import Elsewhere, Question, Refused

MOST_NEW: Final = 99


class ExportLink(NamedTuple):
    label: str
    url: str
    file_name: str


class Alternatives(NamedTuple):
    """URLs. ``new_entries`` is empty unless this is the newest page."""

    exports: Sequence[ExportLink]
    feed: str
    save: str
    other_order: str
    new_entries: str


def instead_of_page(request: HttpRequest, question: Question) -> HttpResponse | None:
    """Raises ``Refused``, or ``Elsewhere`` for exports, which the API serves."""
    shape = request.GET.get("format")
    try:
        if shape == "atom":
            return private(feeds.feed(request, question))
        if shape in EXPORTS:
            raise Elsewhere(_export(question, shape))
        if shape is not None:
            raise Invalid("format", "choice", f'must be one of {", ".join(FORMATS)}, not "{shape[:40]}"')
        after = filters.after(dict(request.GET.lists()))
    except Invalid as error:
        raise Refused(error, question.place, question.text) from None
    return None if after is None else private(_new(request, question, after))


def alternatives(question: Question, page: Page) -> Alternatives:
    is_newest = question.order == "desc" and question.cursor is None
    return Alternatives(
        exports=[
            ExportLink(FORMATS[shape].label, _export(question, shape), FORMATS[shape].file_name)
            for shape in reversed(EXPORTS)
        ],
        feed=question.url(format="atom"),
        save=links.with_query("/account/views", [("url", question.url())]),
        other_order=question.url(order="asc" if question.order == "desc" else "desc"),
        new_entries=question.url(after=str(page.up_to)) if is_newest else "",
    )


def _export(question: Question, shape: str) -> str:
    return links.api_log([*question.place.scope, *question.given, ("order", question.order), ("format", shape)])


def _new(request: HttpRequest, question: Question, after: int) -> HttpResponse:
    """As plain text; 304 while nothing was stored."""
    etag = f'"{horizon(question.wanted)}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        found = count_beyond(question.wanted, after, MOST_NEW)
        response = HttpResponse(str(found), content_type="text/plain; charset=utf-8")
    response["ETag"] = etag
    return response
