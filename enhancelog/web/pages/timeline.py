"""The timeline of one Blueprint."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog.domain.filters import from_pairs
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.times import DAY_MS, as_datetime, now_ms, tally_day
from enhancelog.queries import document_versions, entries
from enhancelog.queries.counts import Count, count
from enhancelog.queries.entries import Listed, Page
from enhancelog.queries.standing import Standing, standing
from enhancelog.web import htmx, list_requests, notes_panel, periods
from enhancelog.web.alternatives import instead_of_page
from enhancelog.web.blueprint_weeks import Weeks, weeks
from enhancelog.web.entry_rows import EntryRow, entry_rows
from enhancelog.web.feeds import reads_list
from enhancelog.web.htmx import is_fragment, page_or_fragment
from enhancelog.web.jinja import percent
from enhancelog.web.list_addresses import timeline
from enhancelog.web.list_requests import ListRequest
from enhancelog.web.lists import WithoutTime, list_context, read_page, total, without_time
from enhancelog.web.revalidation import revalidated


class TimelineRow(NamedTuple):
    """``heading``: set where a day begins. ``gap``: no earlier entry has its ``prev_hash``. ``by_hand``: a version by
    hand explains the gap; ``by_hand_ms``: when it was registered, if known.
    """

    row: EntryRow
    heading: str
    gap: bool
    by_hand: bool = False
    by_hand_ms: int | None = None


class Totals(NamedTuple):
    applied: Count
    rejected: Count

    @property
    def attempts(self) -> Count:
        return Count(self.applied.number + self.rejected.number, self.applied.capped or self.rejected.capped)

    @property
    def rate(self) -> str:
        """Empty if it is not known, or there are no attempts."""
        attempts = self.attempts
        return percent(self.rejected.number, attempts.number) if attempts.number and not attempts.capped else ""


@require_safe
@reads_list
@revalidated()
@list_requests.redirects_or_refuses
def blueprint_timeline(request: HttpRequest, blueprint_id: str) -> HttpResponse:
    known = standing(blueprint_id)
    if known is None:
        return unknown_blueprint(request, blueprint_id)
    list_request = list_requests.read(request, timeline(blueprint_id))
    if (other := instead_of_page(request, list_request)) is not None:
        return other
    page = read_page(list_request, gaps=True)
    without = without_time(page, list_request)
    above = _heading_above(list_request) if is_fragment(request) else ""
    context = {
        **list_context(page, list_request),
        "section": "blueprints",
        "rows": list(_rows(page, list_request, above, blueprint_id)),
        "without_time": without,
        "has_sources": len(known.sources) > 1,
    }
    if not is_fragment(request):
        notes = notes_panel.panel(request, NoteSubject("blueprint", blueprint_id), most=notes_panel.ABOVE_A_LIST)
        context |= {"blueprint_id": blueprint_id, "notes": notes}
        context |= _header(list_request, page, without, known, blueprint_id)
    return page_or_fragment(request, "timeline/page.jinja", context)


def _rows(page: Page, list_request: ListRequest, above: str, blueprint_id: str) -> Iterator[TimelineRow]:
    """``above``: the heading that the first row may continue."""
    listed = [Listed(tuple(row), gap) for *row, gap in page.rows]
    by_hand = document_versions.by_hand(blueprint_id, {each.prev_hash for each in listed if each.gap})
    for row, each in zip(entry_rows(listed, page.up_to), listed, strict=True):
        heading = _heading(tally_day(each.ts_ms, each.recorded_ms))
        new_heading = "" if heading == above else heading
        is_by_hand = each.gap and each.prev_hash in by_hand
        yield TimelineRow(row, new_heading, each.gap, is_by_hand, by_hand.get(each.prev_hash) if is_by_hand else None)
        above = heading


def _heading_above(list_request: ListRequest) -> str:
    if list_request.cursor is None:
        return ""
    at = entries.read_cursor(list_request.cursor, list_request.wanted, list_request.order)
    # Where a scan stopped, the last heading shown is not known.
    return _heading(tally_day(at.ts_ms, now_ms())) if entries.is_match(list_request.wanted, at) else ""


def _heading(day: int | None) -> str:
    return "No plausible time" if day is None else _date(day, datetime.now(UTC).year)


@lru_cache(maxsize=1024)
def _date(day: int, this_year: int) -> str:
    date = datetime.fromtimestamp(day * DAY_MS // 1000, UTC)
    said = f"{date:%A} {date.day} {date:%B}"
    return said if date.year == this_year else f"{said} {date.year}"


def _header(
    list_request: ListRequest, page: Page, without: WithoutTime, known: Standing, blueprint_id: str
) -> dict[str, Any]:
    of_time = tuple(pair for pair in list_request.given if pair[0] in periods.PARAMETERS)
    totals = [
        count(from_pairs([*list_request.filtered_page.scope, *of_time, ("status", status)], now_ms()), page.up_to)
        for status in ("applied", "rejected")
    ]
    newest = known.newest_ms
    return {
        "totals": Totals(*totals),
        "in_period": " in this period" if of_time else "",
        "all_url": list_request.url(of_time),
        "matching": total(page, without, list_request) if len(of_time) < len(list_request.given) else None,
        "weeks": _weeks(list_request, blueprint_id, newest) if len(of_time) == len(list_request.given) else None,
        "newest": None if newest is None else as_datetime(newest, newest),
    }


def _weeks(list_request: ListRequest, blueprint_id: str, newest_ms: int | None) -> Weeks | None:
    return None if newest_ms is None or list_request.cursor is not None else weeks(blueprint_id, newest_ms)


def unknown_blueprint(request: HttpRequest, blueprint_id: str) -> HttpResponse:
    has_documents = document_versions.has_any(blueprint_id)
    context = {"blueprint_id": blueprint_id, "has_documents": has_documents, "section": "blueprints"}
    return htmx.page(request, "timeline/unknown.jinja", context, status=404)
