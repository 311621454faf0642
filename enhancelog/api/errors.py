"""Turns errors into RFC 9457 problems. ``errors`` lists the broken rules: ``field`` (empty for the whole body),
``rule`` (a stable word) and ``detail``."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException

from enhancelog.api.retry_after import FULL_RETRY_AFTER_S, GONE_RETRY_AFTER_S, RETRY_AFTER_S, retry_after
from enhancelog.backends import reading
from enhancelog.backends.disk import fault_of
from enhancelog.domain.errors import (
    Conflict,
    Damaged,
    DamagedEvidence,
    Full,
    Invalid,
    NotFound,
    Other,
    PrimaryGone,
    Redacted,
    ReplicaLocked,
    TooLarge,
    WrongSchema,
)
from enhancelog.observing.structured_logs import request_id

_log = logging.getLogger(__name__)


def problem_response(
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> HttpResponse:
    """``members`` are added to the problem object."""
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
    """``None`` for a bug: Django answers 500."""
    if fault := fault_of(error):
        return fault_response(fault)
    match error:
        case Invalid():
            status = 413 if isinstance(error, TooLarge) else 400
            return problem_response(status, str(error), errors=[_as_dict(error)])
        case NotFound():
            return problem_response(404, str(error))
        case Redacted():
            return problem_response(409, str(error), identical=None, differs=[], redacted=True)
        case Conflict():
            etag = {"ETag": f'"{error.digest}"'} if error.digest else {}
            differs = list(error.differs)
            return problem_response(409, str(error), headers=etag, identical=error.identical, differs=differs)
        case RequestDataTooBig():
            return problem_response(413, "The body is larger than the limit.")
        case TooManyFieldsSent():
            return problem_response(400, too_many_parameters())
        case Http404():
            return problem_response(404, "There is nothing at this address.")
        case PermissionDenied():
            return problem_response(403, str(error) or "This is not allowed.")
        case APIException():
            return problem_response(error.status_code, _flat(error.detail), headers=_headers(error))
    return None


def too_many_parameters() -> str:
    return f"The address or the form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} parameters, the limit."


class FaultAnswer(NamedTuple):
    status: int
    detail: str
    retry_after_s: int


def fault_answer(fault: Other) -> FaultAnswer:
    """507 if there is no space left, else 503. The cause is only logged."""
    _log.warning("%s", " ".join(str(fault).split()))
    if isinstance(fault, Full):
        detail = "No space is left to store this; try again later."
        return FaultAnswer(507, detail, FULL_RETRY_AFTER_S)
    if isinstance(fault, ReplicaLocked):
        detail = "The replica cannot read this: a change of a table had not ended on the primary. Try again later."
        return FaultAnswer(503, detail, GONE_RETRY_AFTER_S)
    gone = fault if isinstance(fault, PrimaryGone) else reading.gone()
    if gone is not None:
        return FaultAnswer(503, f"Nothing can be written: {gone}. Try again later.", GONE_RETRY_AFTER_S)
    if isinstance(fault, WrongSchema):
        return FaultAnswer(503, f"Nothing can be written: {fault}.", RETRY_AFTER_S)
    if isinstance(fault, Damaged):
        return FaultAnswer(503, f"The document cannot be read: {fault}.", RETRY_AFTER_S)
    if isinstance(fault, DamagedEvidence):
        return FaultAnswer(503, f"The evidence cannot be read: {fault}.", RETRY_AFTER_S)
    return FaultAnswer(503, "The database is not available right now; try again.", RETRY_AFTER_S)


def fault_response(fault: Other, **members: Any) -> HttpResponse:
    status, detail, retry_after_s = fault_answer(fault)
    return problem_response(status, detail, headers={"Retry-After": retry_after(retry_after_s)}, **members)


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
        headers["Retry-After"] = retry_after(wait)
    return headers
