"""From an error to RFC 9457 problem+json, in one place, for every route under ``/v1/``.

``errors`` lists what broke a rule: ``field`` (empty: the whole body), ``rule`` (a stable word), ``detail``.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException

from enhancelog.errors import Conflict, Invalid, NotFound, Other, TooLarge, WrongSchema
from enhancelog.structured_logs import request_id

RETRY_AFTER_S = "1"


def problem_response(
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> HttpResponse:
    """``members`` are further members of the problem object."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    body |= {"detail": detail, **members}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and (current := request_id.get()):
        body["request_id"] = current  # the server's log says more about it
    if errors:
        body["errors"] = list(errors)
    response = HttpResponse(
        msgspec.json.encode(body), status=status, content_type="application/problem+json", headers=dict(headers or {})
    )
    response["Cache-Control"] = "no-store"
    return response


def problem(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's EXCEPTION_HANDLER. ``None`` (a bug) becomes the 500 page's problem."""
    match error:
        case Invalid():
            status = 413 if isinstance(error, TooLarge) else 400
            return problem_response(status, str(error), errors=[_as_dict(error)])
        case NotFound():
            return problem_response(404, str(error))
        case Conflict():
            etag = {"ETag": f'"{error.digest}"'} if error.digest else {}
            differs = list(error.differs)
            return problem_response(409, str(error), headers=etag, identical=error.identical, differs=differs)
        case WrongSchema():
            return problem_response(503, f"Nothing can be written: {error}.", headers={"Retry-After": RETRY_AFTER_S})
        case Other() | OperationalError() | InterfaceError():
            detail = "The database does not answer right now; try again."
            return problem_response(503, detail, headers={"Retry-After": RETRY_AFTER_S})
        case RequestDataTooBig():
            return problem_response(413, "The body is larger than the limit.")
        case Http404():
            return problem_response(404, "There is nothing here.")
        case PermissionDenied():
            return problem_response(403, str(error) or "This is not allowed.")
        case APIException():
            return problem_response(error.status_code, _flat(error.detail), headers=_headers(error))
    return None


def _as_dict(error: Invalid) -> dict[str, str]:
    return {"field": error.field, "rule": error.rule, "detail": error.detail}


def _flat(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(f"{field}: {_flat(part)}" for field, part in detail.items())
    if isinstance(detail, list):
        return "; ".join(_flat(part) for part in detail)
    return str(detail)


def _headers(error: APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return headers
