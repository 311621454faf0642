"""The API described: ``/v1/openapi.json`` for programs, ``/v1/docs/`` for people, without anything from elsewhere."""

from functools import cache

import msgspec
from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from enhancelog.api.base import ApiView
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.api.openapi import document
from enhancelog.permissions import Allows, needs
from enhancelog.web.htmx import private


class OpenApi(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_encoded(), content_type=MEDIA_TYPES["json"])


@csp_update({"img-src": [SELF, "data:"]})  # type: ignore[untyped-decorator, unused-ignore]
@require_safe
@needs("log:read")
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI, whose style sheet holds its icons as data."""
    return private(render(request, "api/docs.html"))


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())
