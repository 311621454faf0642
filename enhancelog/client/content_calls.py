"""The content store's operations as requests and their answers, for every kind of client."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from enhancelog.client.endpoint import Endpoint
from enhancelog.client.exchange import Answer, Call, IfArrived, Request, json_of
from enhancelog.client.kinds import KINDS, check_key, raw_key
from enhancelog.domain import page_sizes
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
from enhancelog.domain.errors import Invalid, Other
from enhancelog.domain.origin import Origin

BATCH_BYTES: Final = 4 << 20  # of a bulk write, unless a single value is larger
BATCH_KEYS: Final = 500  # what the server merges in one transaction

_CONTENT: Final = "/v1/content"
_JSON: Final = (("Content-Type", "application/json"),)
_MOST_RACES: Final = 100

Headers = tuple[tuple[str, str], ...]
# Reads and unconditional changes may be repeated. A conditional change, a take or an increment whose answer was lost
# ends in ``Other``, because it may have been carried out. Items do not know how they were written, so they say ``api``.


class Imported(NamedTuple):
    stored: Preloaded
    refused: dict[str, Invalid]  # by raw key


class ContentCalls:
    def __init__(self, endpoint: Endpoint, max_bytes: int) -> None:
        self._endpoint = endpoint
        self._max_bytes = max_bytes

    def read(self, story_id: str, kind: str) -> Call[Item | None]:
        kind_in(KINDS, kind)
        if not is_story_id(story_id):
            return None
        answer = yield Request("GET", _path("kinds", story_id, kind))
        return None if _is_absent(answer) else self._item(answer)

    def read_story(self, story_id: str) -> Call[dict[str, Item]]:
        if not is_story_id(story_id):
            return {}
        answer = yield Request("GET", f"{_CONTENT}/stories/{quote(story_id, safe='')}")
        if _is_absent(answer):
            return {}
        story = json_of(self._endpoint.expect(answer, 200), _story, self._endpoint.url)
        return {state.kind: state.as_item() for state in story.items}

    def read_all(self) -> Call[dict[str, str]]:
        answer = yield Request("GET", f"{_CONTENT}/export")
        return json_of(self._endpoint.expect(answer, 200), _raw_map, self._endpoint.url)

    def write(self, story_id: str, kind: str, value: str, expected: Expected | None) -> Call[Written]:
        check_key(story_id, kind).codec.validate(value, self._max_bytes)
        body = msgspec.json.encode({"value": value})
        path = _path("kinds", story_id, kind)
        key = Key(story_id, kind)
        answer = yield from self._change(key, expected, lambda *how: _request("PUT", path, body, *how), "repeat")
        return Written(self._item(answer, 200, 201), answer.status == 201)

    def delete(self, story_id: str, kind: str, expected: Expected | None) -> Call[bool]:
        check_key(story_id, kind)
        again = Request("DELETE", _path("kinds", story_id, kind))
        return (yield from self._take(story_id, kind, expected, again)) is not None

    def take(self, story_id: str, kind: str, expected: Expected | None) -> Call[Item | None]:
        check_key(story_id, kind)
        answer = yield from self._take(story_id, kind, expected, "stop")
        return None if answer is None else self._item(answer)

    def increment(self, story_id: str, kind: str, by: int, expected: Expected | None) -> Call[Item]:
        minimum = check_increment(kind, check_key(story_id, kind).codec, by)
        key, path = Key(story_id, kind), _path("increment", story_id, kind)
        body = msgspec.json.encode({"by": by})
        answer = yield from self._change(key, expected, lambda *how: _request("POST", path, body, *how), "stop")
        if answer.status == 409:
            raise OutOfRange(key, by, minimum)
        return self._item(answer)

    def list_ids(self) -> Call[list[str]]:
        found: list[str] = []
        cursor: Headers = ()
        while True:
            params = (("page_size", str(page_sizes.LARGEST)), *cursor)
            answer = self._endpoint.expect((yield Request("GET", _CONTENT, params=params)), 200)
            found += [story.story_id for story in json_of(answer, _listed, self._endpoint.url)]
            if answer.next is None:
                return found
            last, cursor = cursor, _cursor(answer.next)
            if not cursor or cursor == last:
                raise Other(f"{self._endpoint.url}: the link to the next page of the list is invalid")

    def raw_keys(self) -> Call[list[str]]:
        answer = yield Request("GET", _CONTENT, params=(("raw", "1"),))
        return json_of(self._endpoint.expect(answer, 200), _texts, self._endpoint.url)

    def preload(self, values: Mapping[Key, str], merge: bool) -> Call[Preloaded]:
        done = self._imported((yield self._import_request(self._checked(values), merge)))
        for refusal in done.refused.values():
            raise refusal
        return done.stored

    def write_many(self, values: Mapping[Key, str]) -> Call[Imported]:
        waiting = list(self._checked(values).items())
        stored, refused = Preloaded(), dict[str, Invalid]()
        size = BATCH_KEYS
        while waiting:
            batch = waiting[: _fitting(waiting[:size])]
            answer = yield self._import_request(dict(batch), merge=True)
            if answer.status == 413 and len(batch) > 1:
                size = len(batch) // 2
                continue
            done = self._imported(answer)
            stored = Preloaded(*map(sum, zip(stored, done.stored, strict=True)))
            refused |= done.refused
            del waiting[: len(batch)]
        return Imported(stored, refused)

    def _checked(self, values: Mapping[Key, str]) -> dict[str, str]:
        for key, value in values.items():
            check_key(*key).codec.validate(value, self._max_bytes)
        return {raw_key(key): value for key, value in values.items()}

    def _import_request(self, raw_map: Mapping[str, str], merge: bool) -> Request:
        params = (("merge", "1"),) if merge else ()
        again: IfArrived = "repeat" if merge else "stop"
        return Request("POST", f"{_CONTENT}/import", params, msgspec.json.encode(raw_map), _JSON, if_arrived=again)

    def _imported(self, answer: Answer) -> Imported:
        if answer.status == 409:
            raise NotEmpty
        done = json_of(self._endpoint.expect(answer, 200), _done, self._endpoint.url)
        refused = {each.key: Invalid(each.key, each.rule, each.detail) for each in done.quarantined}
        return Imported(Preloaded(done.created, done.changed, done.unchanged), refused)

    def _take(self, story_id: str, kind: str, expected: Expected | None, if_arrived: IfArrived) -> Call[Answer | None]:
        path, key = _path("take", story_id, kind), Key(story_id, kind)
        answer = yield from self._change(key, expected, lambda *how: _request("POST", path, b"", *how), if_arrived)
        if _is_absent(answer):
            return None
        return self._endpoint.expect(answer, 200, 204)

    def _change(
        self,
        key: Key,
        expected: Expected | None,
        request: Callable[[Headers, IfArrived], Request],
        if_arrived: IfArrived,
    ) -> Call[Answer]:
        if expected is None:
            return (yield request((), if_arrived))
        # ``expected`` is evaluated here; the server is then asked to change exactly that version.
        for _ in range(_MOST_RACES):
            current = yield from self.read(*key)
            if not expected(current.version if current else 0):
                raise VersionMismatch(key, current)
            at = ("If-Match", f'"{current.version}"') if current else ("If-None-Match", "*")
            answer = yield request((at,), "stop")
            if answer.status != 412:
                return answer
        raise Other(f"{self._endpoint.url}: {key.kind} of {key.story_id} keeps changing; try again")

    def _item(self, answer: Answer, *statuses: int) -> Item:
        return json_of(self._endpoint.expect(answer, *(statuses or (200,))), _state, self._endpoint.url).as_item()


def _fitting(values: list[tuple[str, str]]) -> int:
    total = 0
    for number, (key, value) in enumerate(values):
        total += len(key.encode()) + len(value.encode())
        if number and total > BATCH_BYTES:
            return number
    return len(values)


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
    items: list[_State]


class _Listed(msgspec.Struct):
    story_id: str


class _Refused(msgspec.Struct):
    key: str
    rule: str
    detail: str


class _Done(msgspec.Struct):
    created: int
    changed: int
    unchanged: int
    quarantined: list[_Refused] = []


_done = msgspec.json.Decoder(_Done)
_listed = msgspec.json.Decoder(list[_Listed])
_raw_map = msgspec.json.Decoder(dict[str, str])
_state = msgspec.json.Decoder(_State)
_story = msgspec.json.Decoder(_Story)
_texts = msgspec.json.Decoder(list[str])
