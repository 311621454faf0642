"""The content store over HTTP: each key is a resource whose ETag is its version."""

# Lists are arrays, streamed whole unless ``page_size`` is given. An invalid id is 404 to reads and 400 to changes.

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.request import Request

from content import links, queries, raw
from content.kinds import Key, kind_named, raw_key
from content.queries import Filter
from content.store import ContentStore, Item, NotEmpty, OutOfRange, VersionMismatch, open_store
from enhancelog.accounts.permissions import Allows, may_write, origin
from enhancelog.api.base import ApiView, conditional_response, link_next, tagged
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.errors import problem_response
from enhancelog.api.preconditions import etag, expected
from enhancelog.api.streams_and_polls import head_of_stream, streamed
from enhancelog.domain import filters, page_sizes, strict_json
from enhancelog.domain.errors import Invalid, NotFound

JSON = "application/json"
MAX_IMPORT_BYTES = 64 << 20  # ``import_content`` takes larger ones

_json = msgspec.json.Encoder()


class ContentView(ApiView):
    def get_permissions(self) -> list[Any]:
        reads = self.request.method in ("GET", "HEAD", "OPTIONS")
        return [Allows("content:read" if reads else "content:write")()]

    def handle_exception(self, error: Exception) -> Any:
        match error:
            case VersionMismatch():
                headers = {"ETag": etag(error.current.version)} if error.current else {}
                return problem_response(412, str(error), headers=headers)
            case OutOfRange():
                broken = {"field": "by", "rule": "range", "detail": str(error)}
                return problem_response(409, str(error), errors=[broken])
            case NotEmpty():
                return problem_response(409, f"{error} (merge=1)")
        return super().handle_exception(error)

    def store(self, source: str = "api") -> ContentStore:
        return open_store(origin(self.request, source))

    def store_for(self, kind: str) -> ContentStore:
        may_write(self.request, kind=kind_named(kind).name)
        return self.store()


class StoryList(ContentView):
    def get(self, request: Request) -> HttpResponseBase:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, "text", "kind", "page_size", "cursor")
        wanted = _filter(request._request)
        size = filters.page_size(parameters)
        raw_keys = _switch(request._request, "raw")
        if size is not None or "cursor" in parameters:
            page = _page_of_keys if raw_keys else _page
            return page(request._request, wanted, size or page_sizes.API)
        if raw_keys:
            return _streamed(request, _as_array(_raw(chunk) for chunk in queries.all_keys(wanted)))
        return _streamed(request, _as_array(_with_kinds(queries.all_story_ids(wanted))))


class Story(ContentView):
    def get(self, request: Request, story_id: str) -> HttpResponseBase:
        redacted = queries.redacted(story_id)  # first, so that a tag is never newer than its body
        held = queries.items(story_id)
        present = [_state(item) for item in held.values() if item.value is not None]
        if not present:
            raise NotFound(story_id)
        body = _json.encode({"story_id": story_id, "items": present})
        return _conditional(request, body, etag(redacted + sum(item.version for item in held.values())))


class ContentKey(ContentView):
    def get(self, request: Request, kind: str, story_id: str) -> HttpResponseBase:
        item = self.store().read(story_id, kind)
        if item is None:
            raise NotFound(f"{kind} of {story_id}")
        return _conditional(request, _json.encode(_state(item)), etag(item.version))

    def put(self, request: Request, kind: str, story_id: str) -> HttpResponseBase:
        value = _body(request).get("value")
        if not isinstance(value, str):
            raise Invalid("value", "type", "must be a string")
        written = self.store_for(kind).write(story_id, kind, value, expected=expected(request._request))
        status, headers = 200, {}
        if written.created:
            status, headers = 201, {"Location": links.api_key(story_id, kind)}
        return _item_response(written.item, status, headers)

    def delete(self, request: Request, kind: str, story_id: str) -> HttpResponseBase:
        self.store_for(kind).delete(story_id, kind, expected=expected(request._request))
        response = HttpResponse(status=204)
        del response["Content-Type"]  # there is no body
        return response


class Take(ContentView):
    def post(self, request: Request, kind: str, story_id: str) -> HttpResponseBase:
        item = self.store_for(kind).take(story_id, kind, expected=expected(request._request))
        if item is None:
            raise NotFound(f"{kind} of {story_id}")
        return HttpResponse(_json.encode(_state(item)), content_type=JSON)


class Increment(ContentView):
    def post(self, request: Request, kind: str, story_id: str) -> HttpResponseBase:
        by = _body(request, may_be_empty=True).get("by", 1)
        if type(by) is not int:
            raise Invalid("by", "type", "must be a whole number")
        item = self.store_for(kind).increment(story_id, kind, by, expected=expected(request._request))
        return _item_response(item)


class Import(ContentView):
    throttled_as = "bulk"

    def post(self, request: Request) -> HttpResponseBase:
        require_type(request._request, JSON)
        merge = _switch(request._request, "merge")
        found = raw.read(read_body(request._request, MAX_IMPORT_BYTES), settings.MAX_CONTENT_BYTES)
        for kind in {key.kind for key in found.values}:
            may_write(request, kind=kind)
        done = self.store("import").preload(found.values, merge=merge)
        refused = [{"key": item.shown, "rule": item.error.rule, "detail": str(item.error)} for item in found.refused]
        return HttpResponse(_json.encode({**done._asdict(), "quarantined": refused}), content_type=JSON)


class Export(ContentView):
    def get(self, request: Request) -> HttpResponseBase:
        return _streamed(request, raw.write(queries.all_items()))


def _switch(request: HttpRequest, name: str) -> bool:
    filters.check_single(dict(request.GET.lists()), name)
    value = request.GET.get(name, "0")
    if value not in ("0", "1"):
        raise Invalid(name, "choice", f'must be 0 or 1, not "{value[:40]}"')
    return value == "1"


def _filter(request: HttpRequest) -> Filter:
    wanted = Filter(request.GET.get("text", ""), request.GET.get("kind", ""))
    if "kind" in request.GET:
        kind_named(wanted.kind)
    strict_json.check_text(wanted.text, "text")
    return wanted


def _page(request: HttpRequest, wanted: Filter, size: int) -> HttpResponseBase:
    after = queries.read_cursor(request.GET["cursor"], wanted) if "cursor" in request.GET else ""
    ids = queries.story_ids(wanted, after, size + 1)
    following = queries.cursor(ids[size - 1], wanted) if len(ids) > size else None
    return _page_response(request, _with_kinds([ids[:size]]), following)


def _page_of_keys(request: HttpRequest, wanted: Filter, size: int) -> HttpResponseBase:
    after = queries.read_key_cursor(request.GET["cursor"], wanted) if "cursor" in request.GET else queries.START
    keys = queries.keys(wanted, after, size + 1)
    following = None
    if len(keys) > size:
        last = keys[size - 1]
        following = queries.cursor(last.story_id, wanted, last.kind)
    return _page_response(request, [_raw(keys[:size])], following)


def _page_response(request: HttpRequest, items: Iterable[list[Any]], following: str | None) -> HttpResponseBase:
    response = tagged(request, b"".join(_as_array(items)), JSON, following is None)
    if following is not None:
        link_next(response, request, "cursor", following)
    return response


def _with_kinds(chunks: Iterable[list[str]]) -> Iterator[list[Any]]:
    for ids in chunks:
        yield [{"story_id": story_id, "kinds": kinds} for story_id, kinds in queries.kinds_of(ids) if kinds]


def _raw(keys: Iterable[Key]) -> list[str]:
    return [raw_key(key) for key in keys]


def _as_array(chunks: Iterable[list[Any]]) -> Iterator[bytes]:
    before = b"["
    for chunk in chunks:
        if chunk:
            yield before + _json.encode(chunk)[1:-1]
            before = b","
    yield b"[]" if before == b"[" else b"]"


def _streamed(request: Request, parts: Iterator[bytes]) -> HttpResponseBase:
    if request.method == "HEAD":
        return head_of_stream(JSON)
    first = next(parts)  # an error here still gets an error response
    second = next(parts, None)
    if second is None:
        return HttpResponse(first, content_type=JSON)
    return streamed(request, chain([first, second], parts), JSON)


def _state(item: Item) -> dict[str, Any]:
    return {
        "story_id": item.story_id,
        "kind": item.kind,
        "value": item.value,
        "version": item.version,
        "updated_ms": item.updated_ms,
        "actor": {"kind": item.origin.actor_kind, "name": item.origin.actor_name},
    }


def _item_response(item: Item, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    known = {"ETag": etag(item.version), **(headers or {})}
    return HttpResponse(_json.encode(_state(item)), status=status, content_type=JSON, headers=known)


def _conditional(request: Request | HttpRequest, body: bytes, tag: str) -> HttpResponseBase:
    plain = getattr(request, "_request", request)
    return conditional_response(plain, tag) or HttpResponse(body, content_type=JSON, headers={"ETag": tag})


def _body(request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    # Escapes can make a value six times as long.
    data = read_body(request._request, 6 * settings.MAX_CONTENT_BYTES + 1024)
    if not data and may_be_empty:
        return {}
    require_type(request._request, JSON)
    body = strict_json.loads(data)
    if not isinstance(body, dict):
        raise Invalid("", "type", "must be a JSON object")
    return body
