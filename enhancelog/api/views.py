"""The log's endpoints. Clients of an engine host expect bare arrays and plain-text 404s."""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request

from enhancelog import links
from enhancelog.accounts import permissions
from enhancelog.accounts.permissions import Allows
from enhancelog.api import bulk, lists, observed, throttles
from enhancelog.api.base import ApiView, conditional_response, tagged
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.domain import records
from enhancelog.domain.errors import NO_SUCH_ENTRY, Conflict, Invalid, NotFound
from enhancelog.domain.records import Entry
from enhancelog.queries import entries
from enhancelog.queries.entries import Listed
from enhancelog.queries.observed import observed_patch
from enhancelog.queries.patterns.of_entry import pattern_ids
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.rows import RowJson, listed_json
from enhancelog.transfer.bulk import Refuse
from enhancelog.transfer.json_stream import WHITE_SPACE

APPENDED_TYPES = (MEDIA_TYPES["json"], MEDIA_TYPES["ndjson"])

_json = msgspec.json.Encoder()


class EntryList(ApiView):
    def get_permissions(self) -> list[Any]:
        return [Allows("log:append" if self.request.method == "POST" else "log:read")()]

    def get(self, request: Request) -> HttpResponseBase:
        return lists.answer(request)

    def post(self, request: Request) -> HttpResponseBase:
        store = _store(request)
        whole = bulk.is_atomic(request._request)
        if require_type(request._request, *APPENDED_TYPES) == MEDIA_TYPES["ndjson"]:
            return bulk.append_lines(request, store, _refuse(request), whole=whole)
        body = read_body(request._request, bulk.longest_json())
        if body.lstrip(WHITE_SPACE)[:1] == b"[":
            throttles.count(request, "bulk")
            return bulk.append_array(body, store, _refuse(request), whole=whole)
        entry = records.decode(body, max_bytes=settings.MAX_ENTRY_BYTES)
        permissions.may_write(request, blueprint_id=entry.blueprint_id)
        return _stored(entry, store.append(entry))


class EntryDetail(ApiView):
    """The record alone. It is safe to retry ``PUT``."""

    def get_permissions(self) -> list[Any]:
        return [Allows("log:append" if self.request.method == "PUT" else "log:read")()]

    def get(self, request: Request, issue_id: str) -> HttpResponseBase:
        try:
            listed = entries.get(issue_id)
        except NotFound:
            return no_such_entry()
        return conditional_response(request._request, f'"{listed.version}"') or _recorded(listed)

    def put(self, request: Request, issue_id: str) -> HttpResponseBase:
        require_type(request._request, MEDIA_TYPES["json"])
        body = read_body(request._request, settings.MAX_ENTRY_BYTES)
        entry = records.decode(body, max_bytes=settings.MAX_ENTRY_BYTES)
        if entry.issue_id != issue_id:
            raise Invalid("issue_id", "path", "must be the id in the path")
        permissions.may_write(request, blueprint_id=entry.blueprint_id)
        store = _store(request)
        try:
            return _stored(entry, store.append(entry))
        except Conflict as conflict:
            if not conflict.identical:
                raise
            return _recorded(entries.get(issue_id))


class _Known(RowJson, kw_only=True):
    position: int
    recorded_ms: int
    actor: dict[str, str]
    source: str
    shown_as: str
    digest: str
    envelope: str | None
    patterns: dict[str, str]
    observed: observed.Patch | None


class KnownEntry(ApiView):
    """The record with its metadata and pattern ids."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, issue_id: str) -> HttpResponseBase:
        try:
            listed = entries.get(issue_id)
        except NotFound:
            return no_such_entry()
        known = _Known(
            **msgspec.structs.asdict(_record(listed)),
            position=listed.position,
            recorded_ms=listed.recorded_ms,
            actor={"kind": listed.actor_kind, "name": listed.actor_name},
            source=listed.recorded_source,
            shown_as=listed.source,
            digest=listed.digest,
            envelope=listed.envelope,
            patterns=pattern_ids(listed.position),
            observed=observed.shown(observed_patch(listed)),
        )
        return tagged(request._request, _json.encode(known), MEDIA_TYPES["json"])


def _store(request: Request) -> DatabaseEnhanceLogStore:
    return DatabaseEnhanceLogStore(permissions.origin(request, "api"))


def _refuse(request: Request) -> Refuse:
    return lambda entry: permissions.why_not(request, blueprint_id=entry.blueprint_id)


@csrf_exempt  # nothing is ever here, whatever the method
def trailing_slash(request: HttpRequest) -> HttpResponse:
    """An empty 404, as an engine host answers."""
    response = HttpResponse(status=404)
    del response["Content-Type"]
    return response


def no_such_entry() -> HttpResponse:
    return HttpResponse(NO_SUCH_ENTRY, status=404, content_type="text/plain; charset=utf-8")


def _record(listed: Listed) -> RowJson:
    return listed_json(listed.row)


def _stored(entry: Entry, digest: str) -> HttpResponse:
    headers = {"Location": links.api_entry(entry.issue_id), "ETag": f'"{digest}"'}
    return HttpResponse(records.encode(entry), status=201, content_type=MEDIA_TYPES["json"], headers=headers)


def _recorded(listed: Listed) -> HttpResponse:
    etag = f'"{listed.version}"'
    return HttpResponse(_json.encode(_record(listed)), content_type=MEDIA_TYPES["json"], headers={"ETag": etag})
