"""Log store over the REST API. No Django."""

from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
from msgspec import Raw

from enhancelog.client.connection import MAX_ANSWER_BYTES, Answer, Connection, Request
from enhancelog.domain import page_sizes, records
from enhancelog.domain.errors import Conflict, Invalid, NotFound, Other
from enhancelog.domain.records import Entry

LONGEST_INTENT_BYTES: Final = 4000  # longer intents of ``why`` are cut, because proxies limit URLs

_LOG: Final = "/v1/enhance/log"
_JSON: Final = (("Content-Type", "application/json"),)
_NO_ENTRY: Final = b"enhance log entry not found"
_DATE_GRAIN_S: Final = 2  # the ``Date`` header has whole seconds

Pairs = Iterable[tuple[str, str]]

_page = msgspec.json.Decoder(list[Raw])


class Page(NamedTuple):
    """``cursor`` is None on the last page."""

    entries: list[Entry]
    cursor: str | None


class Stored(NamedTuple):
    """``created`` is false if the same entry was stored before."""

    created: bool
    digest: str


class HttpEnhanceLogStore:
    """``append`` also raises ``Invalid`` if the server refuses the entry, for example by its own size limit."""

    name = "http"

    def __init__(self, connection: Connection | None = None) -> None:
        self.connection = connection or Connection.from_environment()

    def append(self, entry: Entry) -> str:
        body = records.encode(entry)
        # If the answer is lost, the retry-safe PUT follows, so that our first attempt is no conflict.
        again = Request("PUT", _path(entry.issue_id), body=body, headers=_JSON)
        began = self.connection.clock()
        answer = self.connection.send(Request("POST", _LOG, body=body, headers=_JSON, if_arrived=again))
        if answer.status == 409:
            raise _conflict(entry.issue_id, answer)
        self.connection.expect(answer, 200, 201)
        if answer.status == 200 and self._was_there(entry.issue_id, self.connection.clock() - began):
            raise Conflict(entry.issue_id, identical=True)
        return _digest(entry, answer)

    def put(self, entry: Entry) -> Stored:
        """Safe to repeat. Raises ``Conflict`` if a different entry has the id."""
        answer = self.connection.send(Request("PUT", _path(entry.issue_id), body=records.encode(entry), headers=_JSON))
        if answer.status == 409:
            raise _conflict(entry.issue_id, answer)
        self.connection.expect(answer, 200, 201)
        return Stored(answer.status == 201, _digest(entry, answer))

    def get(self, issue_id: str) -> Entry:
        if not records.is_id(issue_id):
            raise NotFound(issue_id)
        answer = self.connection.send(Request("GET", _path(issue_id)))
        if answer.status == 404 and answer.body == _NO_ENTRY:
            raise NotFound(issue_id)
        return self._entry(self.connection.expect(answer, 200).body)

    def known(self, issue_id: str) -> dict[str, Raw]:
        """The entry's members and the server's (``actor``, ``source``, ``position``), each as JSON."""
        if not records.is_id(issue_id):
            raise NotFound(issue_id)
        answer = self.connection.send(_known_request(issue_id))
        if answer.status == 404 and answer.body == _NO_ENTRY:
            raise NotFound(issue_id)
        return self._decoded(_object, self.connection.expect(answer, 200).body)  # type: ignore[no-any-return]

    def list_by_blueprint(self, blueprint_id: str) -> list[Entry]:
        if not records.is_id(blueprint_id, may_be_empty=True):
            return []
        return list(self.entries([("blueprint_id", blueprint_id)]))

    def list_all(self) -> list[Entry]:
        return list(self.entries())

    def entries(self, filters: Pairs = (), page_size: int = page_sizes.CLIENT) -> Iterator[Entry]:
        """Entries that match the API's parameters, including ``order``; fetches pages on demand."""
        asked = tuple(filters)
        cursor = ""
        while True:
            answer = self._asked(asked, page_size, cursor)
            for raw in self._decoded(_page, answer.body):
                yield self._entry(bytes(raw))
            if answer.next is None:
                return
            cursor = self._cursor(answer.next, cursor)

    def page(self, filters: Pairs, page_size: int, cursor: str = "") -> Page:
        """One page, which can be empty before the last one; ``cursor`` is the previous page's."""
        answer = self._asked(filters, page_size, cursor)
        found = [self._entry(bytes(raw)) for raw in self._decoded(_page, answer.body)]
        return Page(found, self._cursor(answer.next, cursor) if answer.next is not None else None)

    def why(self, blueprint_id: str, intent: str = "") -> bytes:
        """The server's answer: JSON of at most 16 kB."""
        asked = intent.encode("utf-8", "replace")[:LONGEST_INTENT_BYTES].decode("utf-8", "ignore")
        params = (("blueprint_id", blueprint_id), *((("intent", asked),) if asked else ()))
        return self.connection.expect(self.connection.send(Request("GET", "/v1/enhance/why", params=params)), 200).body

    def _was_there(self, issue_id: str, elapsed_s: float) -> bool:
        """Whether the server recorded the entry before our first attempt, ``elapsed_s`` ago, by its own clock."""
        # If the token may not read, or the server sends no time, the entry counts as ours: it is stored either way.
        try:
            answer = self.connection.expect(self.connection.send(_known_request(issue_id)), 200)
            recorded_ms = self._decoded(_known, answer.body).recorded_ms
            now_s = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
        except (Other, TypeError, ValueError):
            return False
        return bool(now_s - recorded_ms / 1000 > elapsed_s + _DATE_GRAIN_S)

    def _asked(self, filters: Pairs, page_size: int, cursor: str) -> Answer:
        following = (("cursor", cursor),) if cursor else ()
        params = (*filters, ("page_size", str(page_size)), *following)
        return self.connection.expect(self.connection.send(Request("GET", _LOG, params=params)), 200)

    def _cursor(self, following: str, last: str) -> str:
        # Only the cursor is taken from the link, so that the server cannot redirect us.
        cursor = parse_qs(urlsplit(following).query).get("cursor", [""])[0]
        if not cursor or cursor == last:
            raise Other(f"{self.connection.url}: a page of the list leads nowhere")
        return cursor

    def _entry(self, data: bytes) -> Entry:
        try:
            return records.decode(data, max_bytes=MAX_ANSWER_BYTES)
        except Invalid as error:
            raise Other(f"{self.connection.url} sent an entry that is none: {error}") from None

    def _decoded(self, decoder: Any, data: bytes) -> Any:
        try:
            return decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Other(f"{self.connection.url} sent something else than the API's JSON") from None


class _Known(msgspec.Struct):
    recorded_ms: int


class _Refusal(msgspec.Struct):
    identical: bool | None = None
    differs: tuple[str, ...] = ()


_known = msgspec.json.Decoder(_Known)
_object = msgspec.json.Decoder(dict[str, Raw])


def _path(issue_id: str) -> str:
    return f"{_LOG}/{quote(issue_id, safe='')}"


def _known_request(issue_id: str) -> Request:
    return Request("GET", f"/v1/enhance/entries/{quote(issue_id, safe='')}")


def _digest(entry: Entry, answer: Answer) -> str:
    return answer.headers.get("ETag", "").removeprefix("W/").strip('"') or records.digest(entry)


def _conflict(issue_id: str, answer: Answer) -> Conflict:
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except msgspec.MsgspecError:
        refusal = _Refusal()
    return Conflict(issue_id, identical=refusal.identical, differs=refusal.differs)
