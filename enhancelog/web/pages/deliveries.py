"""``/alerts/deliveries/``: the messages of one's own alerts; for staff, of all."""

from typing import Final

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs, origin_of, user_of
from enhancelog.alerts.sending_again import send_again
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.deliveries import Delivery
from enhancelog.domain.errors import Invalid
from enhancelog.queries import deliveries
from enhancelog.web import htmx
from enhancelog.web.list_requests import Chip

STATES: Final = (
    ("", "All"),
    ("waiting", "Waiting"),
    ("folded", "Folded"),
    ("delivered", "Delivered"),
    ("dead", "Dead"),
)


@require_safe
@needs("alerts:own")
def delivery_list(request: HttpRequest) -> HttpResponse:
    parameters = dict(request.GET.lists())
    try:
        filters.check_single(parameters, "page_size", "cursor", *deliveries.FILTERS)
        size = filters.page_size(parameters) or page_sizes.ENTRIES
        wanted = deliveries.parse(parameters, _owner(request))
        found = deliveries.page(wanted, size, request.GET.get("cursor"))
    except Invalid as error:
        raise BadRequest(str(error)) from None
    given = [(name, value) for name in deliveries.FILTERS if (value := getattr(wanted, name))]
    onward = [*given, *([("page_size", str(size))] if "page_size" in parameters else [])]
    context = {
        "section": "alerts",
        "rows": found.found,
        "chips": [_chip(pair, given, found.found) for pair in given if pair[0] != "state"],
        "states": [(value, label, _with_state(given, value)) for value, label in STATES],
        "state": wanted.state,
        "is_later_page": "cursor" in request.GET,
        "first_url": links.deliveries(given),
        "next_url": links.deliveries([*onward, ("cursor", found.next)]) if found.next else "",
    }
    return htmx.page(request, "deliveries/page.jinja", context)


@require_POST
@needs("alerts:own")
def retry_delivery(request: HttpRequest, delivery_id: str) -> HttpResponse:
    # 404 for others' deliveries, except for staff.
    found = deliveries.known(delivery_id, _owner(request))
    if found is None:
        raise Http404("There is no delivery with this id.")
    try:
        send_again(delivery_id, origin_of(request))
    except Invalid as refused:
        messages.error(request, f"Not sent again: the message {refused.detail}.")
    else:
        messages.success(request, "The message is being sent again.")
    return redirect(links.deliveries([("alert", found.alert)]))


def _owner(request: HttpRequest) -> int | None:
    return None if allows(request.user, "triage:write") else user_of(request).pk


def _with_state(given: list[tuple[str, str]], state: str) -> str:
    others = [pair for pair in given if pair[0] != "state"]
    return links.deliveries([*others, ("state", state)] if state else others)


def _chip(pair: tuple[str, str], given: list[tuple[str, str]], found: list[Delivery]) -> Chip:
    name, value = pair
    shown = found[0].alert_name if name == "alert" and found else value
    return Chip(f"{name.replace('_', ' ')}: {shown}", links.deliveries([each for each in given if each != pair]))
