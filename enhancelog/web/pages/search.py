"""Search in entries of any status. An issue id redirects to its entry."""

from collections.abc import Sequence
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.domain import filter_box, search_words
from enhancelog.domain.errors import Invalid
from enhancelog.queries import entries_by_id
from enhancelog.queries import search as searches
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Page
from enhancelog.web import list_requests
from enhancelog.web.alternatives import instead_of_page
from enhancelog.web.entry_rows import EntryRow
from enhancelog.web.feeds import reads_list
from enhancelog.web.highlights import SearchRow
from enhancelog.web.htmx import is_fragment, page_or_fragment
from enhancelog.web.list_addresses import SEARCH
from enhancelog.web.list_requests import ListRequest
from enhancelog.web.lists import WithoutTime, list_context, read_by, read_page, rows, total, without_time
from enhancelog.web.revalidation import revalidated


class Suggestion(NamedTuple):
    text: str
    url: str


@require_safe
@reads_list
@revalidated()
@list_requests.redirects_or_refuses
def search(request: HttpRequest) -> HttpResponse:
    try:
        list_request = list_requests.read(request, SEARCH)
    except list_requests.FilterRefused:
        asked = request.GET.get("phrase", "")
        if not entries_by_id.exists(asked):
            raise
        return HttpResponseRedirect(links.entry(asked))  # an id may have more words than a phrase
    if (other := instead_of_page(request, list_request)) is not None:
        return other
    searches_index = "phrase" in list_request.wanted.include
    if searches_index:
        page = _found(list_request)
        without = WithoutTime([], are_all=True)
    else:
        page = read_page(list_request)
        without = without_time(page, list_request)
    stopped = ""
    if searches_index and page.stopped:
        stopped = f"The search was stopped after {searches.MOST_S} seconds; narrow it to find all matches."
    found = _marked(rows(page), list_request)
    context = {
        **list_context(page, list_request, stopped),
        "section": "search",
        "rows": found,
        "without_time": without,
        "rows_without_time": _marked(without.rows, list_request),
        "searches_index": searches_index,
        "wordless": searches_index and not any(phrase.tokens for phrase in list_request.wanted.phrases),
        "suggestions": _suggestions(list_request) if searches_index and not found else (),
    }
    if not is_fragment(request):
        text = list_request.wanted.one("phrase") or list_request.wanted.one("text") or ""
        context |= {"search_text": text, "exact": text if entries_by_id.exists(text) else ""}
        context["total"] = _found_total(page, list_request) if searches_index else total(page, without, list_request)
    return page_or_fragment(request, "search/page.jinja", context)


def _found(list_request: ListRequest) -> Page:
    try:
        return searches.page(list_request.wanted, list_request.order, list_request.size, list_request.cursor)
    except Invalid as error:
        raise list_requests.FilterRefused(error, list_request.filtered_page, list_request.text) from None


def _found_total(page: Page, list_request: ListRequest) -> Count | None:
    is_whole = list_request.cursor is None and page.next is None and not page.stopped
    found = Count(len(page.rows)) if is_whole else searches.total(read_by(page, list_request), page.up_to)
    # If there are too many matches to count in time, the first page says how many it found; later pages say nothing.
    return found or (None if list_request.cursor else Count(len(page.rows), capped=True))


def _marked(rows: Sequence[EntryRow], list_request: ListRequest) -> list[SearchRow]:
    phrases = tuple(list_request.wanted.phrases)
    return [SearchRow(row, phrases) for row in rows]


def _suggestions(list_request: ListRequest) -> list[Suggestion]:
    value = list_request.wanted.one("phrase")
    if not value:
        return []
    words = value.removesuffix("*").split()
    others = [("phrase", word) for word in words] if len(words) > 1 else []
    pairs = [("phrase", f"{value}*"), *others, ("text", value)]
    rest = [pair for pair in list_request.given if pair[0] != "phrase"]
    return [
        Suggestion(filter_box.token(*pair), list_request.url((*rest, pair))) for pair in pairs if _makes_sense(*pair)
    ]


def _makes_sense(name: str, value: str) -> bool:
    if name != "phrase":
        return True
    try:
        phrase = search_words.phrase(value)
    except Invalid:
        return False
    return phrase.is_open if value.endswith("*") else bool(phrase.tokens)
