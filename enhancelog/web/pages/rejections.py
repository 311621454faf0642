"""``/rejections/``: every rejection of every Blueprint."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog.queries.facets import ListPositions, facets
from enhancelog.web import list_requests
from enhancelog.web.alternatives import instead_of_page
from enhancelog.web.facet_links import facet_links
from enhancelog.web.feeds import reads_list
from enhancelog.web.htmx import is_fragment, page_or_fragment
from enhancelog.web.list_addresses import REJECTIONS
from enhancelog.web.lists import list_context, read_by, read_page, rows, shows_all, without_time
from enhancelog.web.revalidation import revalidated


@require_safe
@reads_list
@revalidated()
@list_requests.redirects_or_refuses
def rejection_list(request: HttpRequest) -> HttpResponse:
    list_request = list_requests.read(request, REJECTIONS)
    if (other := instead_of_page(request, list_request)) is not None:
        return other
    page = read_page(list_request)
    without = without_time(page, list_request)
    context = {
        **list_context(page, list_request),
        "section": "rejections",
        "rows": rows(page),
        "without_time": without,
    }
    if not is_fragment(request):
        known = None
        if shows_all(page, without, list_request):
            positions = [*(row[0] for row in page.rows), *(row.listed.position for row in without.rows)]
            known = ListPositions(positions, page.stopped)
        found = facets(read_by(page, list_request), page.up_to, known)
        opened = request.GET.get("facet", "")
        context |= {"total": found.total, "facets": facet_links(list_request, found, opened), "opened": bool(opened)}
    return page_or_fragment(request, "rejections/page.jinja", context)
