"""What every list of entries has in common."""

from typing import Any

from django.utils.safestring import SafeString

from enhancelog.domain.errors import Invalid
from enhancelog.queries import entries
from enhancelog.queries.counts import Count, count
from enhancelog.queries.entries import Listed, Page
from enhancelog.queries.reach import MOST_ROWS
from enhancelog.queries.threads import tries
from enhancelog.web import fragments, questions, thread_panel
from enhancelog.web.alternatives import alternatives
from enhancelog.web.fragments import Maker
from enhancelog.web.questions import Question


def read_page(question: Question, *, gaps: bool = False) -> Page:
    """The page that was asked for. Raises ``Refused`` for a cursor that does not belong to it."""
    try:
        return entries.page(question.wanted, question.order, question.size, question.cursor, gaps=gaps)
    except Invalid as error:
        raise questions.Refused(error, question.place, question.text) from None


def shows_all(page: Page, question: Question) -> bool:
    """Whether the page has every entry that there is, or all that were found by looking as far as it may."""
    return question.cursor is None and (page.next is None or page.stopped)


def total(page: Page, question: Question) -> Count:
    """How many entries the list has."""
    if shows_all(page, question):
        return Count(len(page.rows), page.stopped)
    return count(question.wanted, page.up_to)


def listed(page: Page, question: Question, make: Maker) -> dict[str, Any]:
    """What the templates of a list need."""
    query = question.entry_query
    places = tries((row[0] for row in page.rows), page.up_to)
    rows = [
        fragments.row(make, entry, query, thread_panel.in_list(places.get(entry.position), entry, query))
        for entry in map(Listed, page.rows)
    ]
    return {"rows": SafeString("".join(rows)), **around(page, question)}


def around(page: Page, question: Question) -> dict[str, Any]:
    """What stands around the rows of a list: its box, and the ways to the other pages."""
    return {
        "question": question,
        "next": question.url(cursor=str(page.next)) if page.next else "",
        "is_later_page": question.cursor is not None,
        "further": "Go on" if page.stopped else "Older entries" if question.order == "desc" else "Newer entries",
        "stopped": page.stopped,
        "most_rows": f"{MOST_ROWS:,}",
        "log_is_empty": not page.up_to,
        "alternatives": alternatives(question, page),
        "other_order": question.url(order="asc" if question.order == "desc" else "desc"),
    }
