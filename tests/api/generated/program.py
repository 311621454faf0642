"""A program over the client that openapi-python-client generates: it appends, lists and reads with types.

Type-checked and run by ``test_generated_clients.py``, which puts the generated package beside it.
"""

import json
import os
from typing import Any, assert_type

from enhancelog_client import AuthenticatedClient
from enhancelog_client.api.content import increment_content, list_stories, read_content, write_content
from enhancelog_client.api.log import (
    append_entries,
    get_entry,
    get_known_entry,
    list_entries,
    list_patterns,
    put_entry,
    why_rejected,
)
from enhancelog_client.models import (
    ActorKind,
    AppendResult,
    AppendResultResult,
    ContentItem,
    CounterKind,
    Entry,
    IncrementContentBody,
    Kind,
    KnownEntry,
    MoveOperation,
    MoveOperationOp,
    Pattern,
    Problem,
    RemoveOperation,
    Status,
    Story,
    ValueOperation,
    ValueOperationOp,
    Verdict,
    VerdictStatus,
    Why,
    WriteContentBody,
)
from enhancelog_client.types import Response, Unset

client = AuthenticatedClient(os.environ["ENHANCELOG_URL"], token=os.environ["ENHANCELOG_TOKEN"])


def entry(issue_id: str, detail: str = "patch 7 changes nothing") -> Entry:
    return Entry(
        issue_id=issue_id,
        blueprint_id="main",
        prev_hash="9f2c",
        new_hash="",
        intent="cite the file",
        rationale="Adds a sentence.",
        verdicts=[Verdict(axis="noop", status=VerdictStatus.DENY, detail=detail)],
        status=Status.REJECTED,
        reasons=[f"noop: {detail}"],
        ts_ms=1_795_000_000_000,
        ops=[
            ValueOperation(op=ValueOperationOp.ADD, path="/a", value={"b": [1, None]}),
            MoveOperation(op=MoveOperationOp.MOVE, path="/c", from_="/a"),
            RemoveOperation.from_dict({"op": "remove", "path": "/c"}),
        ],
    )


def read_results(answer: Response[Any]) -> list[AppendResult]:
    """The lines of an NDJSON answer, which the generator does not read."""
    return [AppendResult.from_dict(json.loads(line)) for line in answer.content.splitlines()]


def append() -> None:
    stored = append_entries.sync(client=client, body=entry("h-1"))
    assert isinstance(stored, Entry)
    assert stored == entry("h-1")
    refused = append_entries.sync(client=client, body=entry("h-1", "another"))
    assert isinstance(refused, Problem)
    assert not isinstance(refused.differs, Unset)
    assert assert_type(refused.differs, list[str]) == ["verdicts", "reasons"]
    results = read_results(append_entries.sync_detailed(client=client, body=[entry("h-1"), entry("h-2")]))
    assert [result.result for result in results] == [AppendResultResult.IDENTICAL, AppendResultResult.CREATED]
    assert assert_type(results[1].issue_id, str | None) == "h-2"
    assert isinstance(put_entry.sync(client=client, issue_id="h-2", body=entry("h-2")), Entry)
    invalid = put_entry.sync(client=client, issue_id="h-3", body=entry("h-2"))
    assert isinstance(invalid, Problem)
    assert not isinstance(invalid.errors, Unset)
    assert assert_type(invalid.errors[0].field, str) == "issue_id"


def list_and_read() -> None:
    listed = list_entries.sync(client=client, status=[Status.REJECTED], axis=["noop"], page_size=10)
    assert isinstance(listed, list)
    assert [assert_type(one.issue_id, str) for one in listed if isinstance(one, Entry)] == ["h-1", "h-2"]
    one = get_entry.sync_detailed(client=client, issue_id="h-1")
    assert isinstance(one.parsed, Entry)
    assert not isinstance(one.parsed.ops, Unset)
    assert isinstance(one.parsed.ops[0], ValueOperation)
    assert isinstance(one.parsed.ops[1], MoveOperation)
    assert isinstance(one.parsed.ops[2], RemoveOperation)
    unchanged = get_entry.sync_detailed(client=client, issue_id="h-1", if_none_match=one.headers["ETag"])
    assert unchanged.status_code == 304
    known = get_known_entry.sync(client=client, issue_id="h-1")
    assert isinstance(known, KnownEntry)
    assert (assert_type(known.position, int), assert_type(known.intent, str)) == (1, "cite the file")
    assert assert_type(known.actor.kind, ActorKind) == ActorKind.TOKEN
    assert assert_type(known.patterns.additional_properties, dict[str, str]).keys() == {"noop"}
    patterns = list_patterns.sync(client=client)
    assert isinstance(patterns, list)
    templates = [assert_type(pattern.template, str) for pattern in patterns if isinstance(pattern, Pattern)]
    assert templates == ["patch ⟨n⟩ changes nothing"]
    why = why_rejected.sync(client=client, blueprint_id="main")
    assert isinstance(why, Why)
    assert assert_type(why.denied[0].samples[0].issue_id, str) in ("h-1", "h-2")


def content() -> None:
    written = write_content.sync(client=client, kind=Kind.STORY, story_id="S-1", body=WriteContentBody(value="# Title"))
    assert isinstance(written, ContentItem)
    read = read_content.sync(client=client, kind=Kind.STORY, story_id="S-1")
    assert isinstance(read, ContentItem)
    assert (assert_type(read.value, str), assert_type(read.version, int)) == ("# Title", 1)
    counter = increment_content.sync(
        client=client, kind=CounterKind.ABORT_RESPAWN_COUNT, story_id="S-1", body=IncrementContentBody(by=2)
    )
    assert isinstance(counter, ContentItem)
    assert counter.value == "2"
    stories = list_stories.sync(client=client)
    assert isinstance(stories, list)
    assert isinstance(stories[0], Story)
    assert assert_type(stories[0].kinds, list[Kind]) == [Kind.STORY, Kind.ABORT_RESPAWN_COUNT]


append()
list_and_read()
content()
