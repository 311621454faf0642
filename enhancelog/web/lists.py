"""Parts that all lists of entries share."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter
from enhancelog.queries import entries
from enhancelog.queries.counts import Count, count
from enhancelog.queries.entries import Listed, Page
from enhancelog.queries.implausible import is_bounded, newest_implausible, only_plausible
from enhancelog.queries.reach import most_rows
from enhancelog.store.database import last_position
from enhancelog.web import list_requests
from enhancelog.web.alternatives import alternatives
from enhancelog.web.entry_rows import EntryRow, entry_rows
from enhancelog.web.list_requests import ListRequest
from enhancelog.web.periods import span_in_words


class Onward(NamedTuple):
    """``url``: empty on the last page. ``stopped``: why the page is short."""

    url: str
    label: str
    stopped: str


def read_page(list_request: ListRequest, *, gaps: bool = False) -> Page:
    """Entries with a plausible time. Raises ``FilterRefused`` for a cursor of another list."""
    wanted = only_plausible(list_request.wanted)
    try:
        return entries.page(wanted, list_request.order, list_request.size, list_request.cursor, gaps=gaps)
    except Invalid as error:
        raise list_requests.FilterRefused(error, list_request.filtered_page, list_request.text) from None


def read_by(page: Page, list_request: ListRequest) -> EntryFilter:
    # What the page saw, its counts see.
    return replace(list_request.wanted, seen=page.seen)


class WithoutTime(NamedTuple):
    """The last recorded first; ``are_all`` of the list."""

    rows: Sequence[EntryRow]
    are_all: bool


def without_time(page: Page, list_request: ListRequest) -> WithoutTime:
    """On the first page of a list of any time."""
    if list_request.cursor is not None or is_bounded(list_request.wanted):
        return WithoutTime([], are_all=True)
    found = newest_implausible(read_by(page, list_request), page.up_to)
    listed = [Listed(row) for row in found.rows]
    return WithoutTime(entry_rows(listed, page.up_to), found.are_all)


def shows_all(page: Page, without_time: WithoutTime, list_request: ListRequest) -> bool:
    """Also if the scan was stopped."""
    return list_request.cursor is None and without_time.are_all and (page.next is None or page.stopped)


def total(page: Page, without_time: WithoutTime, list_request: ListRequest) -> Count:
    if shows_all(page, without_time, list_request):
        return Count(len(page.rows) + len(without_time.rows), page.stopped)
    return count(read_by(page, list_request), page.up_to)


def rows(page: Page) -> list[EntryRow]:
    return entry_rows(list(map(Listed, page.rows)), page.up_to)


def list_context(page: Page, list_request: ListRequest, stopped: str = "") -> dict[str, Any]:
    if page.stopped and not stopped:
        stopped = f"{most_rows(list_request.wanted):,} entries were scanned."
    next_url = list_request.url(cursor=str(page.next)) if page.next else ""
    return {
        "list_request": list_request,
        "onward": Onward(next_url, _onward(page, list_request), stopped),
        "is_later_page": list_request.cursor is not None,
        "span": span_in_words(list_request.wanted.since_ms, list_request.wanted.until_ms),
        "log_is_empty": not (page.up_to or last_position()),
        "alternatives": alternatives(list_request, page),
    }


def _onward(page: Page, list_request: ListRequest) -> str:
    if page.stopped:
        return "Continue"
    return "Older entries" if list_request.order == "desc" else "Newer entries"
