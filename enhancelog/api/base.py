import hashlib
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from rest_framework.request import Request
from rest_framework.views import APIView

from enhancelog import links
from enhancelog.api.errors import problem_response
from enhancelog.api.throttles import rate_limit_fields


class ApiView(APIView):
    """Responses vary by reader and must be revalidated."""

    http_method_names = [name for name in APIView.http_method_names if name != "options"]  # noqa: RUF012  as DRF has it

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ["Authorization", "Accept"])
        response.headers.setdefault("Cache-Control", "private, no-cache")
        for name, value in rate_limit_fields(request._request).items():
            response.headers[name] = value
        return response


def conditional_response(request: HttpRequest, etag: str) -> HttpResponse | None:
    """304 or 412 if a condition of the request says so; ``None``: send the whole response."""
    found = get_conditional_response(request, etag=etag)
    if found is None:
        return None
    if found.status_code == HTTPStatus.PRECONDITION_FAILED:
        found = problem_response(HTTPStatus.PRECONDITION_FAILED, "If-Match does not name the current ETag.")
    found["ETag"] = etag
    return found


def tagged(request: HttpRequest, body: bytes, content_type: str, *depends_on: object) -> HttpResponse:
    """The body with an ETag of its bytes and of ``depends_on``, or 304 or 412 if a condition says so."""
    etag = etag_of(body, content_type, *depends_on)
    return conditional_response(request, etag) or HttpResponse(body, content_type=content_type, headers={"ETag": etag})


def etag_of(body: bytes, *depends_on: object) -> str:
    return f'"{hashlib.sha256(repr(depends_on).encode() + body).hexdigest()[:32]}"'


def link_next(response: HttpResponseBase, request: HttpRequest, name: str, value: str) -> None:
    """Add ``Link: …; rel="next"`` to a page (200 or 304): this request with the parameter replaced."""
    if response.status_code not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        return
    pairs = [*links.pairs_of(request.GET, without=name), (name, value)]
    response["Link"] = f'<{links.with_query(request.path, pairs)}>; rel="next"'
