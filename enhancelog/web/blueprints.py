"""The timeline of one Blueprint."""

from django.http import HttpRequest, HttpResponse

from enhancelog.permissions import needs


@needs("log:read")
def blueprint_timeline(request: HttpRequest, blueprint_id: str) -> HttpResponse:
    return HttpResponse()
