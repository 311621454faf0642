"""``/v1/docs/``: Swagger UI from our own static files."""

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog.accounts.permissions import needs
from enhancelog.web.htmx import page


@csp_update({"img-src": [SELF, "data:"]})  # type: ignore[untyped-decorator, unused-ignore]
@require_safe
@needs("log:read")
def docs(request: HttpRequest) -> HttpResponse:
    return page(request, "api_docs/page.jinja", {})
