"""Parts that all lists of entries share."""

from typing import Any, NamedTuple

from enhancelog.domain.errors import Invalid
from enhancelog.queries import entries
from enhancelog.queries.counts import Count, count
from enhancelog.queries.entries import Listed, Page
from enhancelog.queries.reach import MOST_ROWS
from enhancelog.web import questions
from enhancelog.web.alternatives import alternatives
from enhancelog.web.entry_rows import EntryRow, entry_rows
from enhancelog.web.questions import Question


class Onward(NamedTuple):
    """``url``: empty on the last page. ``stopped``: why the page is short."""

    url: str
    label: str
    stopped: str


def read_page(question: Question, *, gaps: bool = False) -> Page:
    """Raises ``Refused`` for a cursor of another list."""
    try:
        return entries.page(question.wanted, question.order, question.size, question.cursor, gaps=gaps)
    except Invalid as error:
        raise questions.Refused(error, question.place, question.text) from None


def shows_all(page: Page, question: Question) -> bool:
    """Also if the scan was stopped."""
    return question.cursor is None and (page.next is None or page.stopped)


def total(page: Page, question: Question) -> Count:
    if shows_all(page, question):
        return Count(len(page.rows), page.stopped)
    return count(question.wanted, page.up_to)


def rows(page: Page, question: Question) -> list[EntryRow]:
    return entry_rows(list(map(Listed, page.rows)), page.up_to, question.entry_query)


def list_context(page: Page, question: Question, stopped: str = "") -> dict[str, Any]:
    if page.stopped and not stopped:
        stopped = f"{MOST_ROWS:,} entries were looked at."
    return {
        "question": question,
        "onward": Onward(question.url(cursor=str(page.next)) if page.next else "", _onward(page, question), stopped),
        "is_later_page": question.cursor is not None,
        "log_is_empty": not page.up_to,
        "alternatives": alternatives(question, page),
    }


def _onward(page: Page, question: Question) -> str:
    if page.stopped:
        return "Go on"
    return "Older entries" if question.order == "desc" else "Newer entries"
