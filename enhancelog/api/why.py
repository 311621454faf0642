import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.queries.why import why


class WhyRejected(ApiView):
    """At most 16 kB. ``blueprint_id`` may be empty but not missing (400)."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        parameters = request._request.GET
        if "blueprint_id" not in parameters:
            raise Invalid("blueprint_id", "missing", "is missing; name the Blueprint")
        filters.check_single(dict(parameters.lists()), "blueprint_id", "intent")
        answer = why(parameters["blueprint_id"], parameters.get("intent", ""))
        return tagged(request._request, msgspec.json.encode(answer), MEDIA_TYPES["json"])
