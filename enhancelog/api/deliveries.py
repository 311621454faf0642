"""Deliveries: the messages of alerts."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts import permissions
from enhancelog.accounts.permissions import allows, token_of, user_of
from enhancelog.alerts.sending_again import send_again
from enhancelog.api.alerts import HasAlerts
from enhancelog.api.base import ApiView, link_next
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.errors import NO_SUCH_DELIVERY, Invalid
from enhancelog.queries import deliveries


def owner_of(request: Request) -> int | None:
    """Whose alerts the caller may see; ``None``: everybody's."""
    if allows(request.user, "triage:write", token_of(request)):
        return None
    return user_of(request._request).pk


class DeliveryList(ApiView):
    """A bare array, the newest first."""

    permission_classes = (HasAlerts,)

    def get(self, request: Request) -> HttpResponse:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, "page_size", "cursor", *deliveries.FILTERS)
        size = filters.page_size(parameters) or page_sizes.API
        wanted = deliveries.parse(parameters, owner_of(request))
        page = deliveries.page(wanted, size, request._request.GET.get("cursor"))
        response = answer(request, page.found)
        if page.next is not None:
            link_next(response, request._request, "cursor", page.next)
        return response


class SendAgain(ApiView):
    permission_classes = (HasAlerts,)

    def post(self, request: Request, delivery_id: str) -> HttpResponse:
        owner = owner_of(request)
        if deliveries.known(delivery_id, owner) is None:
            return _no_such_delivery(delivery_id)
        try:
            send_again(delivery_id, permissions.origin(request, "api"))
        except Invalid as refused:
            return problem_response(409, f"The message {refused.detail}.")
        found: Any = deliveries.known(delivery_id, owner)
        return _no_such_delivery(delivery_id) if found is None else answer(request, found)


def _no_such_delivery(delivery_id: str) -> HttpResponse:
    return problem_response(404, f"{NO_SUCH_DELIVERY} {delivery_id[:80]}.")
