"""``/evidence/``: what this server signed of the log, and the files that are kept elsewhere."""

import re
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from enhancelog.accounts.permissions import needs
from enhancelog.api.base import tagged
from enhancelog.api.retry_after import RETRY_AFTER_S, retry_after
from enhancelog.domain.errors import NotFound, Other
from enhancelog.evidence import signed_notes
from enhancelog.evidence.encodings import write_base64
from enhancelog.evidence.keys import SIGNATURE_BYTES, TIME_BYTES
from enhancelog.evidence.signed_notes import Signature
from enhancelog.maintenance import evidence_keys
from enhancelog.queries import entries
from enhancelog.queries import evidence as log
from enhancelog.store.database import last_position
from enhancelog.store.evidence import Stored
from enhancelog.web.htmx import page, private

# Browsers add .txt to what is text.
FILE: Final = "application/octet-stream"
# Of the names of files; with four bytes each and an ending, file systems take them.
MOST_CHARACTERS: Final = 60
_NOT_IN_FILE_NAMES: Final = re.compile(r"[^\w.-]++")


class ShownKey(NamedTuple):
    text: str
    has_signed: bool


class Cosigned(NamedTuple):
    """``said_ms``: the time at which the witness says that it signed."""

    name: str
    said_ms: int | None


@require_safe
@needs("log:read")
def evidence(request: HttpRequest) -> HttpResponse:
    found = log.checkpoint()
    context: dict[str, Any] = {"section": "evidence", "found": found, **_keys(found)}
    if found is not None:
        last = last_position()
        context |= {
            "note": found.note.decode(),
            "root": write_base64(found.checkpoint.root),
            "last_position": last,
            "behind": max(0, last - found.checkpoint.size),
            "witnesses": _witnesses(found),
        }
    return page(request, "evidence/page.jinja", context)


@require_safe
@needs("log:read")
def checkpoint(request: HttpRequest) -> HttpResponse:
    found = log.checkpoint()
    if found is None:
        return _too_early(request, "No checkpoint yet", "Nothing was signed yet; the first checkpoint")
    return _file(request, found.note, found.checkpoint.origin, f"-{found.checkpoint.size}.checkpoint")


@require_safe
@needs("log:read")
def receipt(request: HttpRequest, issue_id: str) -> HttpResponse:
    try:
        found = log.receipt(entries.get(issue_id))
    except NotFound:
        raise Http404("There is no entry with this id.") from None
    if found is None:
        return _too_early(request, "No receipt yet", "No checkpoint has this entry yet; the next one")
    return _file(request, found.content, issue_id, ".tlog-proof")


def _keys(found: Stored | None) -> dict[str, Any]:
    try:
        keys = evidence_keys.verifiers()
    except Other:  # the text has a path of the server
        return {"keys": None, "can_sign": False}
    by = set() if found is None else found.key_ids
    shown = [ShownKey(str(key), (key.name, key.id) in by) for key in keys]
    return {"keys": shown, "can_sign": found is None or any(key.has_signed for key in shown)}


def _witnesses(found: Stored) -> list[Cosigned]:
    signatures = signed_notes.parse(found.note).signatures
    return [Cosigned(each.name, _said_ms(each)) for each in signatures if each.name != found.checkpoint.origin]


def _said_ms(signature: Signature) -> int | None:
    if len(signature.content) != TIME_BYTES + SIGNATURE_BYTES:
        return None
    return 1000 * int.from_bytes(signature.content[:TIME_BYTES], "big")


def _file(request: HttpRequest, content: bytes, name: str, ending: str) -> HttpResponse:
    response = tagged(request, content, FILE)
    safe = _NOT_IN_FILE_NAMES.sub("_", name)[:MOST_CHARACTERS].lstrip(".-") or "unnamed"
    response["Content-Disposition"] = content_disposition_header(True, f"{safe}{ending}") or ""
    return private(response)


def _too_early(request: HttpRequest, title: str, what: str) -> HttpResponse:
    context = {"title": title, "detail": f"{what} usually follows within seconds."}
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response = page(request, "failures/failure.jinja", {**context, "status": status, "unsent": None}, status)
    response["Retry-After"] = retry_after(RETRY_AFTER_S)
    return response
