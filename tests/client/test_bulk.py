"""Bulk operations of the blocking and the asynchronous clients against a live server, and where they split."""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import Raw

from content.kinds import KINDS as SERVER_KINDS
from enhancelog.client import content_calls, log_calls
from enhancelog.client.async_content_store import AsyncHttpContentStore
from enhancelog.client.async_log_store import AsyncHttpEnhanceLogStore
from enhancelog.client.content_store import HttpContentStore
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain import records
from enhancelog.domain.content import Key, Preloaded
from enhancelog.domain.errors import Invalid, Other
from tests.client.blocking import Blocking
from tests.client.scripted import Scripted, Step, json_answer, problem
from tests.factories import make_entry

Open = Callable[[], Any]

TOO_LARGE = problem(413, "too large", [{"field": "", "rule": "size", "detail": "is too large"}])


@pytest.fixture(params=[HttpEnhanceLogStore, lambda: Blocking(AsyncHttpEnhanceLogStore())], ids=["blocking", "async"])
def open_log(request: pytest.FixtureRequest) -> Open:
    request.getfixturevalue("live_api")
    chosen: Open = request.param
    return chosen


@pytest.fixture(params=[HttpContentStore, lambda: Blocking(AsyncHttpContentStore())], ids=["blocking", "async"])
def open_content(request: pytest.FixtureRequest) -> Open:
    request.getfixturevalue("live_api")
    chosen: Open = request.param
    return chosen


def stored_lines(request: httpx.Request) -> httpx.Response:
    lines = request.content.split(b"\n")
    results = ({"line": number, "result": "created", "error": None} for number, _ in enumerate(lines, 1))
    return httpx.Response(200, content=msgspec.json.Encoder().encode_lines(results))


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
class TestLive:
    def test_a_bulk_append_says_what_became_of_each_entry(self, open_log: Open, settings: Any):
        settings.MAX_ENTRY_BYTES = 2000
        store = open_log()
        store.append(make_entry(issue_id="same"))
        store.append(make_entry(issue_id="other"))
        entries = [
            make_entry(issue_id="new"),
            make_entry(issue_id="same"),
            make_entry(issue_id="other", intent="another"),
        ]
        assert [(result.issue_id, result.result) for result in store.append_many(entries)] == [
            ("new", "created"),
            ("same", "identical"),
            ("other", "conflict"),
        ]
        assert store.get("new") == entries[0]

    def test_a_single_entry_that_is_too_large_is_a_result(self, open_log: Open, settings: Any):
        settings.MAX_ENTRY_BYTES = 2000
        entries = [make_entry(issue_id="a"), make_entry(issue_id="b", intent="x" * 3000), make_entry(issue_id="c")]
        results = open_log().append_many(entries)
        assert [result.result for result in results] == ["created", "invalid", "created"]
        assert "the limit is 2,000" in results[1].error
        assert [entry.issue_id for entry in open_log().list_all()] == ["a", "c"]

    def test_large_bulk_appends_are_several_requests_and_keep_order(
        self, open_log: Open, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(log_calls, "BATCH_ENTRIES", 3)
        entries = [make_entry(issue_id=f"h-{number}", ts_ms=1) for number in range(8)]
        assert {result.result for result in open_log().append_many(entries)} == {"created"}
        assert open_log().list_all() == entries
        assert {result.result for result in open_log().append_many(entries)} == {"identical"}

    def test_ops_over_several_lines_stay_one_line(self, open_log: Open):
        entry = msgspec.structs.replace(make_entry(), ops=Raw(b'[\n{"op": "remove",\n"path": "/a"}]'))
        open_log().append_many([entry, make_entry(issue_id="h-2")])
        assert bytes(open_log().get("h-1").ops) == b'[{"op":"remove","path":"/a"}]'

    def test_append_of_nothing_is_no_request(self, open_log: Open):
        assert open_log().append_many([]) == []

    def test_a_bulk_write_of_content_counts_what_it_did(self, open_content: Open, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(content_calls, "BATCH_KEYS", 2)
        store = open_content()
        store.write("S-0", "story", "old")
        store.write("S-1", "story", "new 1")
        values = {Key(f"S-{number}", "story"): f"new {number}" for number in range(5)}
        assert store.write_many(values) == (Preloaded(created=3, changed=1, unchanged=1), {})
        assert store.read_all() == {f"S-{number}": f"new {number}" for number in range(5)}

    def test_values_that_the_server_refuses_are_named_and_the_others_stored(self, open_content: Open, settings: Any):
        settings.MAX_CONTENT_BYTES = 10
        values = {Key("S-1", "story"): "short", Key("S-2", "gate_output"): "much too long"}
        done = open_content().write_many(values)
        assert done.stored == Preloaded(created=1)
        assert [str(refusal) for refusal in done.refused.values()] == [
            "S-2:gate_output: value: is 13 bytes, the limit is 10"
        ]
        with pytest.raises(Invalid, match="S-2:gate_output"):
            open_content().preload(values, merge=True)

    def test_a_story_is_read_in_one_request(self, open_content: Open):
        store = open_content()
        written = {kind: store.write("S-1", kind, "2").item for kind in ("story", "gate_output", "abort_respawn_count")}
        assert store.read_story("S-1") == written
        assert store.read_story("S-2") == {}
        assert store.read_story("a:b") == {}
        assert set(written) <= set(SERVER_KINDS)


def test_a_batch_that_is_too_large_is_split():
    steps: list[Step] = [TOO_LARGE, stored_lines, TOO_LARGE, stored_lines, stored_lines]
    server = Scripted(*steps)
    entries = [make_entry(issue_id=str(number)) for number in range(4)]
    results = HttpEnhanceLogStore(server.connection).append_many(entries)
    assert [result.issue_id for result in results] == ["0", "1", "2", "3"]
    assert [request.content.count(b"\n") + 1 for request in server.requests] == [4, 2, 2, 1, 1]


def test_batches_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch):
    entry = make_entry(intent="x" * 1000)
    monkeypatch.setattr(log_calls, "BATCH_BYTES", 2 * len(records.encode(entry)))
    server = Scripted(stored_lines)
    HttpEnhanceLogStore(server.connection).append_many([entry] * 5)
    assert [request.content.count(b"\n") + 1 for request in server.requests] == [2, 2, 1]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"line": 1}', b'{"line": 2, "result": "created"}', b"<html>"])
def test_an_answer_without_a_result_for_each_entry_is_other(body: bytes):
    server = Scripted(httpx.Response(200, content=body))
    with pytest.raises(Other, match="one result for each entry"):
        HttpEnhanceLogStore(server.connection).append_many([make_entry()])


def test_a_bulk_write_of_content_is_split():
    done = json_answer(200, {"created": 1, "changed": 0, "unchanged": 0})
    server = Scripted(TOO_LARGE, done, done)
    values = {Key("S-1", "story"): "a", Key("S-2", "story"): "b"}
    assert HttpContentStore(server.connection).write_many(values).stored == Preloaded(created=2)
    assert [msgspec.json.decode(request.content) for request in server.requests[1:]] == [{"S-1": "a"}, {"S-2": "b"}]
