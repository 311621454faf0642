"""Content store over the REST API. No Django."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from enhancelog.client.connection import Answer, Connection, IfArrived, Request
from enhancelog.client.kinds import KINDS, check_key, raw_key
from enhancelog.domain import page_sizes
from enhancelog.domain.codecs import MAX_VALUE_BYTES
from enhancelog.domain.content import (
    Expected,
    Item,
    Key,
    NotEmpty,
    OutOfRange,
    Preloaded,
    VersionMismatch,
    Written,
    check_increment,
    is_story_id,
    kind_in,
)
from enhancelog.domain.errors import Other
from enhancelog.domain.origin import Origin

_CONTENT: Final = "/v1/content"
_JSON: Final = (("Content-Type", "application/json"),)
# Reads and unconditional changes may be repeated. A conditional change, a take or an increment whose answer was lost
# ends in ``Other``, because it may have been carried out. Items do not know how they were written, so they say ``api``.

_MOST_RACES: Final = 100

Headers = tuple[tuple[str, str], ...]


class _Actor(msgspec.Struct):
    kind: str
    name: str


class _State(msgspec.Struct):
    story_id: str
    kind: str
    value: str
    version: int
    updated_ms: int
    actor: _Actor

    def as_item(self) -> Item:
        origin = Origin(self.actor.kind, self.actor.name, "api")
        return Item(self.story_id, self.kind, self.value, self.version, self.updated_ms, origin)


class _Story(msgspec.Struct):
    story_id: str


class _Done(msgspec.Struct):
    created: int
    changed: int
    unchanged: int


class HttpContentStore:
    """``max_bytes``: the largest value to send; the server has its own limit."""

    def __init__(self, connection: Connection | None = None, max_bytes: int = MAX_VALUE_BYTES) -> None:
        self.connection = connection or Connection.from_environment()
        self.max_bytes = max_bytes

    def read(self, story_id: str, kind: str) -> Item | None:
        kind_in(KINDS, kind)
        if not is_story_id(story_id):
            return None
        answer = self.connection.send(Request("GET", _path("kinds", story_id, kind)))
        return None if _is_absent(answer) else self._item(answer)

    def write(self, story_id: str, kind: str, value: str, *, expected: Expected | None = None) -> Written:
        check_key(story_id, kind).codec.validate(value, self.max_bytes)
        body = msgspec.json.encode({"value": value})
        path = _path("kinds", story_id, kind)
        answer = self._change(Key(story_id, kind), expected, lambda *how: _request("PUT", path, body, *how), "repeat")
        return Written(self._item(answer, 200, 201), answer.status == 201)

    def delete(self, story_id: str, kind: str, *, expected: Expected | None = None) -> bool:
        check_key(story_id, kind)
        again = Request("DELETE", _path("kinds", story_id, kind))
        return self._take(story_id, kind, expected, again) is not None

    def take(self, story_id: str, kind: str, *, expected: Expected | None = None) -> Item | None:
        check_key(story_id, kind)
        answer = self._take(story_id, kind, expected, "stop")
        return None if answer is None else self._item(answer)

    def increment(self, story_id: str, kind: str, by: int = 1, *, expected: Expected | None = None) -> Item:
        minimum = check_increment(kind, check_key(story_id, kind).codec, by)
        key, path = Key(story_id, kind), _path("increment", story_id, kind)
        body = msgspec.json.encode({"by": by})
        answer = self._change(key, expected, lambda *how: _request("POST", path, body, *how), "stop")
        if answer.status == 409:
            raise OutOfRange(key, by, minimum)
        return self._item(answer)

    def list_ids(self) -> list[str]:
        found: list[str] = []
        cursor: Headers = ()
        while True:
            params = (("page_size", str(page_sizes.LARGEST)), *cursor)
            answer = self.connection.expect(self.connection.send(Request("GET", _CONTENT, params=params)), 200)
            found += [story.story_id for story in self._decoded(answer, list[_Story])]
            if answer.next is None:
                return found
            last, cursor = cursor, _cursor(answer.next)
            if not cursor or cursor == last:
                raise Other(f"{self.connection.url}: the link to the next page of the list is invalid")

    def raw_keys(self) -> list[str]:
        answer = self.connection.send(Request("GET", _CONTENT, params=(("raw", "1"),)))
        keys: list[str] = self._decoded(self.connection.expect(answer, 200), list[str])
        return keys

    def preload(self, values: Mapping[Key, str], *, merge: bool = False) -> Preloaded:
        for key, value in values.items():
            check_key(*key).codec.validate(value, self.max_bytes)
        body = msgspec.json.encode({raw_key(key): value for key, value in values.items()})
        params = (("merge", "1"),) if merge else ()
        again: IfArrived = "repeat" if merge else "stop"
        request = Request("POST", f"{_CONTENT}/import", params, body, _JSON, if_arrived=again)
        answer = self.connection.send(request)
        if answer.status == 409:
            raise NotEmpty
        done: _Done = self._decoded(self.connection.expect(answer, 200), _Done)
        return Preloaded(done.created, done.changed, done.unchanged)

    def history(self, story_id: str, kind: str) -> list[Item]:
        raise Other("the API does not serve histories; see the key's page")

    def _take(self, story_id: str, kind: str, expected: Expected | None, if_arrived: IfArrived) -> Answer | None:
        path = _path("take", story_id, kind)
        answer = self._change(Key(story_id, kind), expected, lambda *how: _request("POST", path, b"", *how), if_arrived)
        if _is_absent(answer):
            return None
        return self.connection.expect(answer, 200, 204)

    def _change(
        self,
        key: Key,
        expected: Expected | None,
        request: Callable[[Headers, IfArrived], Request],
        if_arrived: IfArrived,
    ) -> Answer:
        if expected is None:
            return self.connection.send(request((), if_arrived))
        # ``expected`` is evaluated here; the server is then asked to change exactly that version.
        for _ in range(_MOST_RACES):
            current = self.read(*key)
            if not expected(current.version if current else 0):
                raise VersionMismatch(key, current)
            at = ("If-Match", f'"{current.version}"') if current else ("If-None-Match", "*")
            answer = self.connection.send(request((at,), "stop"))
            if answer.status != 412:
                return answer
        raise Other(f"{self.connection.url}: {key.kind} of {key.story_id} keeps changing; try again")

    def _item(self, answer: Answer, *statuses: int) -> Item:
        state: _State = self._decoded(self.connection.expect(answer, *(statuses or (200,))), _State)
        return state.as_item()

    def _decoded(self, answer: Answer, kind: Any) -> Any:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Other(f"{self.connection.url} did not send the API's JSON") from None


def _path(act: str, story_id: str, kind: str) -> str:
    return f"{_CONTENT}/{act}/{kind}/{quote(story_id, safe='')}"


def _request(method: str, path: str, body: bytes, headers: Headers, if_arrived: IfArrived) -> Request:
    return Request(method, path, body=body, headers=(*(_JSON if body else ()), *headers), if_arrived=if_arrived)


def _is_absent(answer: Answer) -> bool:
    # Another server's 404 means that the address is wrong.
    return answer.status == 404 and answer.headers.get("Content-Type", "") == "application/problem+json"


def _cursor(following: str) -> Headers:
    found = parse_qs(urlsplit(following).query).get("cursor", [])
    return tuple(("cursor", value) for value in found[:1])
