"""The content security policy on every answer. The one that all share is put together once."""

from functools import cached_property

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase


class PolicyMiddleware(CSPMiddleware):  # type: ignore[misc, unused-ignore]
    """As django-csp's own, which would build the same text for each answer anew."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        has_its_own = any(name.startswith("_csp") for name in (*vars(response), *vars(request)))
        if has_its_own or HEADER in response.headers:
            answer: HttpResponseBase = super().process_response(request, response)
            return answer
        if self._usual:
            response.headers[HEADER] = self._usual
        return response

    @cached_property
    def _usual(self) -> str:
        return str(super().process_response(HttpRequest(), HttpResponse()).headers.get(HEADER, ""))
