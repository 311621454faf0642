"""``GET /v1/audit``: everything, streamed, or a page; newest first. For staff who are signed in, not for tokens."""

from itertools import chain
from typing import Final

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, link_next, tagged
from enhancelog.api.negotiation import MEDIA_TYPES, answer_format
from enhancelog.api.streams_and_polls import head_of_stream, streamed
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.times import now_ms
from enhancelog.queries import audit
from enhancelog.queries.audit import Wanted
from enhancelog.transfer.audit_exports import EXPORTS

AUDIT_TYPES: Final = {name: MEDIA_TYPES[name] for name in EXPORTS}


class AuditList(ApiView):
    """A bare array, the newest first."""

    permission_classes = (
        Allows("audit:read", "This needs audit:read: staff who are signed in have it, no token does."),
    )

    def get(self, request: Request) -> HttpResponseBase:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, "page_size", "cursor", "format")
        wanted = audit.parse(parameters, now_ms())
        size = filters.page_size(parameters)
        format = answer_format(request._request, AUDIT_TYPES)
        cursor = request._request.GET.get("cursor")
        if size is None and cursor is None:
            return _whole(request, wanted, format)
        page = audit.page(wanted, size or page_sizes.API, cursor)
        body = b"".join(EXPORTS[format]([page.records] if page.records else []))
        response = tagged(request._request, body, AUDIT_TYPES[format], page.next is None)
        if page.next is not None:
            link_next(response, request._request, "cursor", page.next)
        return response


def _whole(request: Request, wanted: Wanted, format: str) -> HttpResponseBase:
    if request.method == "HEAD":
        return head_of_stream(AUDIT_TYPES[format])
    chunks = audit.chunks(wanted)
    first = [each for each in (next(chunks, None), next(chunks, None)) if each]  # a fault still gets an error response
    written = EXPORTS[format](chain(first, chunks))
    if len(first) < 2:
        return HttpResponse(b"".join(written), content_type=AUDIT_TYPES[format])
    return streamed(request, written, AUDIT_TYPES[format])
