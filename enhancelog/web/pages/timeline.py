"""The timeline of one Blueprint: applied versions on a rail, rejected attempts beside it, gaps said in words."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from enhancelog.domain.filters import from_pairs
from enhancelog.domain.times import DAY_MS, as_datetime, now_ms, tally_day
from enhancelog.queries import entries
from enhancelog.queries.counts import Count, count
from enhancelog.queries.entries import Listed, Page
from enhancelog.queries.standing import Standing, standing
from enhancelog.queries.threads import tries
from enhancelog.web import fragments, questions, thread_panel, timeline_rows
from enhancelog.web.alternatives import instead_of_page
from enhancelog.web.feeds import reads_list
from enhancelog.web.fragments import Maker
from enhancelog.web.htmx import is_fragment, page_or_fragment, private
from enhancelog.web.lists import around, read_page, total
from enhancelog.web.places import timeline
from enhancelog.web.questions import Question
from enhancelog.web.revalidation import revalidated

_ONLY_TIME: Final = {"since", "until", "period", "not_since", "not_until", "not_period"}


class Totals(NamedTuple):
    """Of a Blueprint, or of a part of its time."""

    applied: Count
    rejected: Count

    @property
    def attempts(self) -> int:
        return self.applied.number + self.rejected.number


@require_safe
@reads_list
@revalidated()
@questions.answers_questions
def blueprint_timeline(request: HttpRequest, blueprint_id: str) -> HttpResponse:
    known = standing(blueprint_id)
    if known is None:
        return _unknown(request, blueprint_id)
    question = questions.read(request, timeline(blueprint_id))
    if (other := instead_of_page(request, question)) is not None:
        return other
    page = read_page(question, gaps=True)
    make = timeline_rows.SOURCED if len(known.sources) > 1 else timeline_rows.PLAIN
    above = _heading_above(question) if is_fragment(request) else ""
    context = {
        "rows": mark_safe("".join(_rows(page, question, make, above))),  # noqa: S308  rendered by templates
        "section": "blueprints",
        **around(page, question),
    }
    if not is_fragment(request):
        context |= {"blueprint_id": blueprint_id, **_header(question, page, known)}
    return page_or_fragment(request, "enhancelog/blueprint_timeline.html", context)


def _rows(page: Page, question: Question, make: Maker, above: str) -> Iterator[str]:
    """Each row with the day's heading above it where one begins, and a gap where no entry before wrote its
    ``prev_hash``. ``above``: the heading that the first row may go on under."""
    query = question.entry_query
    places = tries((row[0] for row in page.rows), page.up_to)
    for *row, gap in page.rows:
        listed = Listed(tuple(row))
        heading = _heading(tally_day(listed.ts_ms, listed.recorded_ms))
        if heading != above:
            yield _small("enhancelog/_day.html", day=heading)
        thread = thread_panel.on_timeline(places.get(listed.position), listed, query)
        parts = [fragments.row(make, listed, query, thread)]
        if gap:  # before the row in time
            said = _small("enhancelog/_gap.html", prev_hash=listed.prev_hash)
            parts.insert(0 if question.order == "asc" else 1, said)
        yield from parts
        above = heading


@lru_cache(maxsize=1024)
def _small(template: str, **context: str) -> SafeString:
    """What stands between rows."""
    return render_to_string(template, context)


def _heading_above(question: Question) -> str:
    """The day of the row before a continued page, which that row's reader still sees."""
    if question.cursor is None:
        return ""
    at = entries.read_cursor(question.cursor, question.wanted, question.order)
    return _heading(tally_day(at.ts_ms, now_ms()))


def _heading(day: int | None) -> str:
    return "No plausible time" if day is None else _date(day, datetime.now(UTC).year)


@lru_cache(maxsize=1024)
def _date(day: int, this_year: int) -> str:
    date = datetime.fromtimestamp(day * DAY_MS // 1000, UTC)
    said = f"{date:%A} {date.day} {date:%B}"
    return said if date.year == this_year else f"{said} {date.year}"


def _header(question: Question, page: Page, known: Standing) -> dict[str, Any]:
    """Totals of the Blueprint, or of the period that the filter leaves; other filters say how many match."""
    of_time = tuple(pair for pair in question.given if pair[0] in _ONLY_TIME)
    totals = [
        count(from_pairs([*question.place.scope, *of_time, ("status", status)], now_ms()), page.up_to)
        for status in ("applied", "rejected")
    ]
    newest = known.newest_ms
    return {
        "totals": Totals(*totals),
        "matching": total(page, question) if len(of_time) < len(question.given) else None,
        "newest": None if newest is None else as_datetime(newest, newest),
    }


def _unknown(request: HttpRequest, blueprint_id: str) -> HttpResponse:
    context = {"blueprint_id": blueprint_id, "section": "blueprints"}
    return private(render(request, "enhancelog/blueprint_unknown.html", context, status=404))
