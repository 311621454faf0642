"""``/audit/``: who did what in this system."""

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.audit import ACTS
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import now_ms
from enhancelog.queries import audit
from enhancelog.transfer.audit_exports import EXPORTS
from enhancelog.web import audit_rows, htmx
from enhancelog.web.list_requests import Chip, without_empty_parameters


@require_safe
@needs("audit:read")
@without_empty_parameters()
def audit_list(request: HttpRequest) -> HttpResponseBase:
    parameters = dict(request.GET.lists())
    try:
        filters.check_single(parameters, "cursor", "page_size")
        wanted = audit.parse(parameters, now_ms())
        size = filters.page_size(parameters) or page_sizes.AUDIT
        page = audit.page(wanted, size, request.GET.get("cursor"))
    except Invalid as error:
        raise BadRequest(str(error)) from None
    given = list(wanted.pairs)
    following = [*links.pairs_of(request.GET, without="cursor"), ("cursor", page.next or "")]
    context = {
        "section": "audit",
        "rows": audit_rows.rows_of(page.records, audit.existing(page.records)),
        "chips": [
            Chip(f"{name}:{value}", links.audit(pair for pair in given if pair != (name, value)))
            for name, value in given
        ],
        "acts": ACTS,
        "given": {name: parameters.get(name, [""])[-1] for name in audit.PARAMETERS},
        "exports": [(format, links.api_audit([*given, ("format", format)])) for format in EXPORTS],
        "first_url": links.audit(given),
        "next_url": links.audit(following) if page.next else "",
        "is_later_page": "cursor" in parameters,
    }
    return htmx.page(request, "audit/page.jinja", context)
