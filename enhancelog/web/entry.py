"""One entry."""

from django.http import HttpRequest, HttpResponse

from enhancelog.permissions import needs


@needs("log:read")
def entry_detail(request: HttpRequest, issue_id: str) -> HttpResponse:
    return HttpResponse()
