"""The log's operations as requests and their answers, for every kind of client."""

from collections.abc import Callable, Iterable, Sequence
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
from msgspec import Raw

from enhancelog.client.endpoint import MAX_ANSWER_BYTES, Endpoint
from enhancelog.client.exchange import Answer, Call, Request, json_of, problem_of
from enhancelog.domain import records
from enhancelog.domain.errors import (
    NO_SUCH_DOCUMENT,
    NO_SUCH_ENTRY,
    NO_SUCH_PATTERN,
    Changed,
    Conflict,
    Damaged,
    Invalid,
    NotFound,
    Other,
    Redacted,
)
from enhancelog.domain.markers import Marker, NewMarker
from enhancelog.domain.observed import DocumentForm
from enhancelog.domain.pattern_states import StateEdit, StateOfPattern
from enhancelog.domain.records import Entry
from enhancelog.domain.unfinished_reports import UnfinishedReport

BATCH_ENTRIES: Final = 1000
BATCH_BYTES: Final = 4 << 20

_LOG: Final = "/v1/enhance/log"
_JSON: Final = (("Content-Type", "application/json"),)
_NDJSON: Final = (("Content-Type", "application/x-ndjson"),)
_FORMS: Final[dict[str, DocumentForm]] = {"application/yaml": "yaml", "application/json": "json"}
_NO_ENTRY: Final = NO_SUCH_ENTRY.encode()
_DATE_GRAIN_S: Final = 2  # the ``Date`` header has whole seconds

Pairs = Iterable[tuple[str, str]]
Cursor = tuple[tuple[str, str], ...]


class Result(msgspec.Struct, frozen=True):
    issue_id: str
    result: Literal["created", "identical", "redacted", "conflict", "invalid"]
    error: str | None = None  # of a conflict or an invalid entry


class Stored(NamedTuple):
    """``created`` is false if the same entry was stored before."""

    created: bool
    digest: str


class Page(NamedTuple):
    entries: list[Entry]
    cursor: Cursor | None  # of the next page


class Document(NamedTuple):
    form: DocumentForm
    text: str


class LogCalls:
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def append(self, entry: Entry) -> Call[str]:
        body = records.encode(entry)
        # If the answer is lost, the retry-safe PUT follows, so that our first attempt is no conflict.
        again = put_request(entry.issue_id, body)
        began = self._endpoint.clock()
        answer = yield Request("POST", _LOG, body=body, headers=_JSON, if_arrived=again)
        if answer.status == 409:
            raise conflict_of(entry.issue_id, answer)
        self._endpoint.expect(answer, 200, 201)
        if answer.status == 200:
            was_there = yield from self._was_there(entry.issue_id, self._endpoint.clock() - began)
            if was_there:
                raise Conflict(entry.issue_id, identical=True)
        return _digest(entry, answer)

    def put(self, entry: Entry) -> Call[Stored]:
        answer = yield put_request(entry.issue_id, records.encode(entry))
        if answer.status == 409:
            raise conflict_of(entry.issue_id, answer)
        self._endpoint.expect(answer, 200, 201)
        return Stored(answer.status == 201, _digest(entry, answer))

    def append_many(self, entries: Iterable[Entry]) -> Call[list[Result]]:
        """In order, in one or more requests."""
        results: list[Result] = []
        waiting = [(entry.issue_id, line_of(entry)) for entry in entries]
        size = BATCH_ENTRIES
        while waiting:
            batch = waiting[: fitting([len(body) for _, body in waiting[:size]])]
            answer = yield bulk_request([body for _, body in batch])
            if answer.status == 413 and len(batch) > 1:
                size = len(batch) // 2
                continue
            results += self.results([issue_id for issue_id, _ in batch], answer)
            del waiting[: len(batch)]
        return results

    def results(self, issue_ids: Sequence[str], answer: Answer) -> list[Result]:
        """One for each entry. Raises ``Invalid`` or ``Other``; a single entry that is too large is a result."""
        if answer.status == 413 and len(issue_ids) == 1:
            return [Result(issue_ids[0], "invalid", self._refusal(answer))]
        self._endpoint.expect(answer, 200)
        try:
            lines = _lines.decode_lines(answer.body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            lines = []
        if [line.line for line in lines] != list(range(1, len(issue_ids) + 1)):
            raise Other(f"{self._endpoint.url} did not send one result for each entry")
        return [Result(issue_id, line.result, line.error) for issue_id, line in zip(issue_ids, lines, strict=True)]

    def get(self, issue_id: str) -> Call[Entry]:
        return self._decoded((yield from self._found(issue_id, _path)).body)

    def known(self, issue_id: str) -> Call[dict[str, Raw]]:
        return json_of((yield from self._found(issue_id, _known_path)), _object, self._endpoint.url)

    def page(self, filters: Pairs, cursor: Cursor) -> Call[Page]:
        answer = yield Request("GET", _LOG, params=(*filters, *cursor))
        raws = json_of(self._endpoint.expect(answer, 200), _array, self._endpoint.url)
        following = None if answer.next is None else self._cursor(answer.next, cursor)
        return Page([self._decoded(bytes(raw)) for raw in raws], following)

    def mark(self, new: NewMarker) -> Call[Marker]:
        # Sent once: repeated, it could set two markers.
        body = msgspec.json.encode(new)
        answer = yield Request("POST", "/v1/enhance/markers", body=body, headers=_JSON, if_arrived="stop")
        return json_of(self._endpoint.expect(answer, 201), _marker, self._endpoint.url)

    def set_pattern_state(self, pattern_id: str, edit: StateEdit, seen: int | None) -> Call[StateOfPattern]:
        match = (("If-Match", f'"{seen}"'),) if seen is not None else ()
        return (yield from self._patch_pattern(pattern_id, msgspec.json.encode(edit), match))

    def undo_pattern_state(self, pattern_id: str, change: int) -> Call[StateOfPattern]:
        return (yield from self._patch_pattern(pattern_id, msgspec.json.encode({"undo": change})))

    def _patch_pattern(self, pattern_id: str, body: bytes, headers: Cursor = ()) -> Call[StateOfPattern]:
        # Sent once: repeated, it could undo what somebody else changed in the meantime.
        if not records.is_id(pattern_id):
            raise NotFound(pattern_id)
        path = f"/v1/enhance/patterns/{quote(pattern_id, safe='')}"
        answer = yield Request("PATCH", path, body=body, headers=(*_JSON, *headers), if_arrived="stop")
        if answer.status == 404 and problem_of(answer).detail.startswith(NO_SUCH_PATTERN):
            raise NotFound(pattern_id)
        if answer.status in (409, 412):
            raise Changed(pattern_id)
        return json_of(self._endpoint.expect(answer, 200), _state_of_pattern, self._endpoint.url)

    def document(self, hash: str) -> Call[Document]:
        if not records.is_id(hash):
            raise NotFound(hash)
        answer = yield Request("GET", f"/v1/enhance/documents/{quote(hash, safe='')}")
        if answer.status == 404 and problem_of(answer).detail.startswith(NO_SUCH_DOCUMENT):
            raise NotFound(hash)
        if answer.status == 410:
            raise Damaged(problem_of(answer).detail)
        if answer.status == 404:
            raise Other(f"{self._endpoint.url} serves no documents: it is an older release, or no Enhancelog server")
        media_type = self._endpoint.expect(answer, 200).headers.get("Content-Type", "").partition(";")[0]
        try:
            return Document(_FORMS[media_type], answer.body.decode())
        except (KeyError, UnicodeDecodeError):
            raise Other(f"{self._endpoint.url} did not send a document") from None

    def report_unfinished(self, report: UnfinishedReport) -> Call[bool]:
        path = f"/v1/enhance/unfinished/{quote(report.issue_id, safe='')}"
        answer = yield Request("PUT", path, body=msgspec.json.encode(report), headers=_JSON)
        if answer.status == 409:
            raise Conflict(report.issue_id)
        return self._endpoint.expect(answer, 200, 201).status == 201

    def _found(self, issue_id: str, path: Callable[[str], str]) -> Call[Answer]:
        if not records.is_id(issue_id):
            raise NotFound(issue_id)
        answer = yield Request("GET", path(issue_id))
        if answer.status == 404 and answer.body == _NO_ENTRY:
            raise NotFound(issue_id)
        return self._endpoint.expect(answer, 200)

    def _was_there(self, issue_id: str, elapsed_s: float) -> Call[bool]:
        # Whether the entry was recorded before our first attempt, by the server's own clock.
        # If the token may not read, or the server sends no time, the entry counts as ours: it is stored either way.
        try:
            answer = yield Request("GET", _known_path(issue_id))
            recorded_ms = json_of(self._endpoint.expect(answer, 200), _known, self._endpoint.url).recorded_ms
            now_s = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
        except (Other, TypeError, ValueError):
            return False
        return bool(now_s - recorded_ms / 1000 > elapsed_s + _DATE_GRAIN_S)

    def _cursor(self, following: str, last: Cursor) -> Cursor:
        # Only the cursor is taken from the link, so that the server cannot redirect us.
        found = parse_qs(urlsplit(following).query).get("cursor", [])
        cursor = tuple(("cursor", value) for value in found[:1])
        if not cursor or cursor == last:
            raise Other(f"{self._endpoint.url}: the link to the next page of the list is invalid")
        return cursor

    def _decoded(self, data: bytes) -> Entry:
        try:
            return records.decode(data, max_bytes=MAX_ANSWER_BYTES)
        except Invalid as error:
            raise Other(f"{self._endpoint.url} sent an invalid entry: {error}") from None

    def _refusal(self, answer: Answer) -> str:
        try:
            self._endpoint.expect(answer)
        except (Invalid, Other) as error:
            return str(error)
        raise AssertionError  # no status is expected


def line_of(entry: Entry) -> bytes:
    line = records.encode(entry)
    # Only ``ops`` that the caller wrote by hand can span lines.
    return records.encode(records.decode(line, max_bytes=len(line))) if b"\n" in line else line


def put_request(issue_id: str, body: bytes) -> Request:
    return Request("PUT", _path(issue_id), body=body, headers=_JSON)


def bulk_request(bodies: Iterable[bytes]) -> Request:
    return Request("POST", _LOG, body=b"\n".join(bodies), headers=_NDJSON)


def fitting(sizes: Iterable[int]) -> int:
    """How many of the first entries, by their sizes in bytes, make one batch; at least one."""
    total = 0
    for number, size in enumerate(sizes):
        total += size
        if number and total > BATCH_BYTES:
            return number
    return number + 1


def conflict_of(issue_id: str, answer: Answer) -> Conflict:
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except msgspec.MsgspecError:
        refusal = _Refusal()
    if refusal.redacted:
        return Redacted(issue_id)
    return Conflict(issue_id, identical=refusal.identical, differs=refusal.differs)


def _digest(entry: Entry, answer: Answer) -> str:
    return answer.headers.get("ETag", "").removeprefix("W/").strip('"') or records.digest(entry)


def _path(issue_id: str) -> str:
    return f"{_LOG}/{quote(issue_id, safe='')}"


def _known_path(issue_id: str) -> str:
    return f"/v1/enhance/entries/{quote(issue_id, safe='')}"


class _Known(msgspec.Struct):
    recorded_ms: int


class _Refusal(msgspec.Struct):
    identical: bool | None = None
    differs: tuple[str, ...] = ()
    redacted: bool = False


class _Line(msgspec.Struct):
    line: int
    result: Literal["created", "identical", "redacted", "conflict", "invalid"]
    error: str | None = None


_array = msgspec.json.Decoder(list[Raw])
_known = msgspec.json.Decoder(_Known)
_lines = msgspec.json.Decoder(_Line)
_marker = msgspec.json.Decoder(Marker)
_state_of_pattern = msgspec.json.Decoder(StateOfPattern)
_object = msgspec.json.Decoder(dict[str, Raw])
