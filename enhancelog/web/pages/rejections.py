"""``/rejections/``: every rejection of every Blueprint."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog.queries.facets import Known, facets
from enhancelog.web import questions
from enhancelog.web.alternatives import instead_of_page
from enhancelog.web.facet_links import facet_links
from enhancelog.web.feeds import reads_list
from enhancelog.web.htmx import is_fragment, page_or_fragment
from enhancelog.web.lists import list_context, read_page, rows, shows_all
from enhancelog.web.places import REJECTIONS
from enhancelog.web.revalidation import revalidated


@require_safe
@reads_list
@revalidated()
@questions.answers_questions
def rejection_list(request: HttpRequest) -> HttpResponse:
    question = questions.read(request, REJECTIONS)
    if (other := instead_of_page(request, question)) is not None:
        return other
    page = read_page(question)
    context = {**list_context(page, question), "rows": rows(page, question), "section": "rejections"}
    if not is_fragment(request):
        known = Known([row[0] for row in page.rows], page.stopped) if shows_all(page, question) else None
        found = facets(question.wanted, page.up_to, known)
        context |= {"total": found.total, "facets": facet_links(question, found)}
    return page_or_fragment(request, "rejections/page.jinja", context)
