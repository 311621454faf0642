"""Rejections and search."""

from django.http import HttpRequest, HttpResponse

from enhancelog.permissions import needs


@needs("log:read")
def rejection_list(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@needs("log:read")
def search(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
