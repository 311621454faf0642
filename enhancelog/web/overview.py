"""``/``: what was denied in a period, against the period before."""

from django.http import HttpRequest, HttpResponse

from enhancelog.permissions import needs
from enhancelog.web.htmx import page_or_fragment


@needs("log:read")
def overview(request: HttpRequest) -> HttpResponse:
    return page_or_fragment(request, "enhancelog/overview.html", {"section": "overview"})
