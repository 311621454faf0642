"""Triage as one file: ``GET /v1/triage/export``, ``POST /v1/triage/import``."""

from itertools import chain, islice

import msgspec
from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from enhancelog.accounts import permissions
from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.api.streams_and_polls import head_of_stream, streamed
from enhancelog.domain.triage_files import MAX_BYTES
from enhancelog.transfer import triage_file, triage_import

JSON = MEDIA_TYPES["json"]
FEW_PIECES = 16


class TriageExport(ApiView):
    permission_classes = (Allows("triage:write"),)

    def get(self, request: Request) -> HttpResponseBase:
        if request.method == "HEAD":
            return head_of_stream(JSON)
        parts = triage_file.written()
        first = list(islice(parts, FEW_PIECES))  # errors still get an error response
        if len(first) < FEW_PIECES:
            return HttpResponse(b"".join(first), content_type=JSON)
        return streamed(request, chain(first, parts), JSON)


class TriageImport(ApiView):
    permission_classes = (Allows("triage:write"),)
    throttled_as = "bulk"

    def post(self, request: Request) -> HttpResponse:
        require_type(request._request, JSON)
        data = read_body(request._request, MAX_BYTES)
        done = triage_import.bring_in(data, permissions.origin(request, "api"))
        return HttpResponse(msgspec.json.encode(done), content_type=JSON)
