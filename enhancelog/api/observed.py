"""What hosts' stores say: an entry's patch, documents, and runs that were never finished."""

from functools import partial
from typing import Any, Final

import msgspec
from django.conf import settings
from django.http import HttpResponse
from msgspec import UNSET, Raw, Struct, UnsetType
from rest_framework.request import Request

from enhancelog.accounts import permissions
from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, conditional_response, link_next, tagged
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.errors import problem_response
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.domain import filters, page_sizes, unfinished_reports
from enhancelog.domain.causes import Cause
from enhancelog.domain.errors import NO_SUCH_DOCUMENT, Conflict, Invalid, NotFound, RedactedDocument
from enhancelog.domain.observed import DocumentForm
from enhancelog.domain.redactions import Tombstone
from enhancelog.domain.unfinished import RunStatus
from enhancelog.queries import entries, observed, unfinished
from enhancelog.queries.observed import TriedPatch
from enhancelog.queries.unfinished import UnfinishedRun
from enhancelog.store import documents
from enhancelog.store.documents import Gone
from enhancelog.store.unfinished_reports import keep_report

LONGEST_OLD_REASON: Final = 500  # characters, of a change

DOCUMENT_TYPES: Final[dict[DocumentForm, str]] = {"yaml": "application/yaml", "json": MEDIA_TYPES["json"]}


class Patch(Struct):
    """`candidate_hash`: of the document that the patch would have made. `null`: not recorded."""

    ops: Raw | None
    bump: str | None
    candidate_hash: str | None
    prev_hash: str
    source: str


class EntryPatches(Struct):
    """`recorded`: what the append carried. `observed`: what a host's store says. `null`: nothing."""

    issue_id: str
    recorded: Patch | None
    observed: Patch | None


class RunChange(Struct):
    status: RunStatus
    cause: Cause | None
    reason: str
    changed_ms: int


class KnownUnfinishedRun(UnfinishedRun, frozen=True, kw_only=True):
    """Also the latest 100 changes, oldest first, their reasons cut, and what is known of its patch."""

    ops: Raw | UnsetType = UNSET
    prev_hash: str | UnsetType = UNSET
    candidate_hash: str | UnsetType = UNSET
    changes: list[RunChange]


def shown(patch: TriedPatch | None) -> Patch | None:
    if patch is None:
        return None
    return Patch(_raw(patch.ops), patch.bump, patch.candidate_hash, patch.prev_hash, patch.source)


class PatchesOfEntry(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, issue_id: str) -> HttpResponse:
        listed = entries.get(issue_id)
        both = observed.recorded_patch(listed), observed.observed_patch(listed)
        return _json(request, EntryPatches(issue_id, shown(both[0]), shown(both[1])))


class DocumentByHash(ApiView):
    """The text as it was read, proven by its hash if it is YAML."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, hash: str) -> HttpResponse:
        found = documents.look(hash)
        if found is None:
            return problem_response(404, f"{NO_SUCH_DOCUMENT} {hash[:80]}.")
        if isinstance(found, Gone):
            return _gone(found.tombstone)
        body, media_type = found.text.encode(), DOCUMENT_TYPES[found.form]
        if found.form == "json":
            return tagged(request._request, body, media_type)  # the YAML may take its place
        etag = f'"{found.hash}"'
        if response := conditional_response(request._request, etag):
            return response
        return HttpResponse(body, content_type=media_type, headers={"ETag": etag})


def _gone(tombstone: Tombstone) -> HttpResponse:
    said = RedactedDocument(tombstone.redacted_ms, tombstone.why)
    return problem_response(
        410, f"The document has no text: {said}", redacted_ms=tombstone.redacted_ms, why=tombstone.why
    )


class UnfinishedRunList(ApiView):
    """A bare array, the newest first, without the patches."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, "page_size", "cursor")
        size = filters.page_size(parameters) or page_sizes.API
        page = unfinished.page(unfinished.parse(parameters), size, request._request.GET.get("cursor"))
        response = _json(request, page.runs, page.next is None)
        if page.next is not None:
            link_next(response, request._request, "cursor", page.next)
        return response


class UnfinishedRunByItsId(ApiView):
    def get_permissions(self) -> list[Any]:
        return [Allows("log:append" if self.request.method == "PUT" else "log:read")()]

    def get(self, request: Request, issue_id: str) -> HttpResponse:
        try:
            found = unfinished.get(issue_id)
        except NotFound:
            return problem_response(404, f"There is no unfinished run {issue_id[:80]}.")
        return _json(request, _known(found))

    def put(self, request: Request, issue_id: str) -> HttpResponse:
        require_type(request._request, MEDIA_TYPES["json"])
        report = unfinished_reports.decode(read_body(request._request, settings.MAX_ENTRY_BYTES))
        if report.issue_id != issue_id:
            raise Invalid("issue_id", "path", "must be the id in the path")
        origin = permissions.origin(request, report.source)
        try:
            is_new = keep_report(report, origin, partial(_may_write, request))
        except Conflict:
            return problem_response(409, f"The run {issue_id[:80]} was finished: the log has its entry.")
        body = msgspec.json.encode(_known(unfinished.get(issue_id, reported=True)))
        return HttpResponse(body, status=201 if is_new else 200, content_type=MEDIA_TYPES["json"])


def _may_write(request: Request, blueprint_id: str) -> None:
    permissions.may_write(request, blueprint_id=blueprint_id)


def _known(found: unfinished.Detail) -> KnownUnfinishedRun:
    return KnownUnfinishedRun(
        **msgspec.structs.asdict(found.run),
        ops=_raw(found.ops) or UNSET,
        prev_hash=UNSET if found.prev_hash is None else found.prev_hash,
        candidate_hash=UNSET if found.candidate_hash is None else found.candidate_hash,
        changes=[
            RunChange(each.status, each.cause, each.reason[:LONGEST_OLD_REASON], each.changed_ms)
            for each in found.changes
        ],
    )


def _raw(ops: str | None) -> Raw | None:
    return None if ops is None else Raw(ops.encode())


def _json(request: Request, body: Any, *depends_on: object) -> HttpResponse:
    return tagged(request._request, msgspec.json.encode(body), MEDIA_TYPES["json"], *depends_on)
