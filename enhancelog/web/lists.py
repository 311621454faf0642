"""Lists of entries across Blueprints, and what every list of entries has in common."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.errors import Invalid, NotFound
from enhancelog.permissions import needs
from enhancelog.queries import entries
from enhancelog.queries.counts import count
from enhancelog.queries.entries import Listed, Page
from enhancelog.queries.facets import facets
from enhancelog.web import forms, fragments
from enhancelog.web.facet_links import facet_links
from enhancelog.web.forms import Place, Question
from enhancelog.web.htmx import is_fragment, page_or_fragment
from enhancelog.web.revalidation import revalidated

REJECTIONS: Final = Place(links.rejections(), scope=(("status", "rejected"),), empty_id=True)
SEARCH: Final = Place(links.runs())


@require_safe
@needs("log:read")
@revalidated()
@forms.answers_questions
def rejection_list(request: HttpRequest) -> HttpResponse:
    """Every rejection of every Blueprint."""
    question = forms.read(request, REJECTIONS)
    page = read_page(question)
    context = {**listed(page, question, "enhancelog/_rejection_row.html"), "section": "rejections"}
    if not is_fragment(request):
        found = facets(question.wanted, page.up_to)
        context |= {"total": found.total, "facets": facet_links(question, found)}
    return page_or_fragment(request, "enhancelog/rejection_list.html", context)


@require_safe
@needs("log:read")
@revalidated()
@forms.answers_questions
def search(request: HttpRequest) -> HttpResponse:
    """Entries of any status. A text that is an issue id leads to its entry."""
    question = forms.read(request, SEARCH)
    page = read_page(question)
    context = {**listed(page, question, "enhancelog/_entry_row.html"), "section": "search"}
    if not is_fragment(request):
        text = question.wanted.one("text")
        context |= {
            "total": count(question.wanted, page.up_to),
            "search_text": text or "",
            "exact": text if text and _exists(text) else "",
        }
    return page_or_fragment(request, "enhancelog/search.html", context)


def read_page(question: Question, *, gaps: bool = False) -> Page:
    """The page that was asked for. Raises ``Refused`` for a cursor that does not belong to it."""
    try:
        return entries.page(question.wanted, question.order, question.size, question.cursor, gaps=gaps)
    except Invalid as error:
        raise forms.Refused(error, question.place, question.text) from None


def listed(page: Page, question: Question, row_template: str) -> dict[str, Any]:
    """What the templates of a list need."""
    query = question.entry_query
    rows = [fragments.row(row_template, Listed(row), query) for row in page.rows]
    return {"rows": rows, **around(page, question)}


def around(page: Page, question: Question) -> dict[str, Any]:
    """What stands around the rows of a list: its box, and the ways to the other pages."""
    return {
        "question": question,
        "next": question.url(cursor=str(page.next)) if page.next else "",
        "is_later_page": question.cursor is not None,
        "further": "Older entries" if question.order == "desc" else "Newer entries",
        "log_is_empty": not page.up_to,
        "other_order": question.url(order="asc" if question.order == "desc" else "desc"),
    }


def _exists(issue_id: str) -> bool:
    try:
        entries.get(issue_id)
    except NotFound:
        return False
    return True
