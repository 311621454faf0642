"""The MCP server as a model's host sees it: over standard input and output, with the SDK's own client."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import TextContent
from pydantic import TypeAdapter

from enhancelog.agents import mcp_results
from enhancelog.agents.mcp_results import MAX_ANSWER_BYTES
from enhancelog.api.openapi.schemas import SCHEMAS
from enhancelog.domain import records
from enhancelog.domain.observed import Document
from enhancelog.domain.origin import Origin
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.store import host_derivation, observed, redacting_documents
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests import loops
from tests.factories import make_entry, make_fields, make_rejected
from tests.host.observed import patch_of
from tests.processes import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once, pytest.mark.slow]

READS = sorted(
    [
        *("get_axis", "get_document", "get_entry", "list_axes", "list_entries", "read_content"),
        *("tried_before", "what_if", "why_rejected"),
        *("differences", "funnel", "get_marker", "list_markers", "steadiness"),
    ]
)
TOOLS = sorted([*READS, "add_note", "append_entry", "set_marker", "set_pattern_state", "write_content"])
WAIT_S = 60

Ask = Callable[..., Awaitable[Any]]


class Refused(Exception):
    """A result that is an error, in its own words."""


def talk(conversation: Callable[[Client, Ask], Awaitable[None]], tmp_path: Path, command: list[str] | None = None):
    """Start the server, hold the conversation, end it; what it wrote to standard error."""
    log = tmp_path / "stderr"

    async def run() -> None:
        async with asyncio.timeout(WAIT_S), _client(command or ["-m", "enhancelog", "mcp"], log) as client:

            async def ask(tool: str, **arguments: Any) -> Any:
                result = await client.call_tool(tool, arguments)
                (content,) = result.content
                assert isinstance(content, TextContent)
                if result.is_error:
                    raise Refused(content.text)
                assert len(content.text.encode()) <= MAX_ANSWER_BYTES
                assert json.loads(content.text) == result.structured_content  # which the client checked by its schema
                return result.structured_content

            await conversation(client, ask)

    loops.run(run())
    return log.read_text()


@asynccontextmanager
async def _client(command: list[str], log: Path) -> AsyncIterator[Client]:
    names = ("URL", "TOKEN", "BOOTSTRAP", "DATA_DIR", "CHECKPOINTS")
    ours = [f"ENHANCELOG_{name}" for name in names]
    env = {name: os.environ[name] for name in ours if name in os.environ}
    server = StdioServerParameters(command=sys.executable, args=command, env=env, cwd=ROOT)
    with log.open("w") as errors:
        async with Client(stdio_client(server, errlog=errors)) as client:
            yield client


async def refusal(ask: Ask, tool: str, **arguments: Any) -> str:
    with pytest.raises(Refused) as refused:
        await ask(tool, **arguments)
    text = str(refused.value)
    assert len(text.splitlines()) == 1
    return text


def test_a_model_appends_reads_back_and_asks_why(live_api: str, tmp_path: Path):
    rejected = make_fields(
        issue_id="ops/デプロイ-3 %",
        status="rejected",
        new_hash="",
        verdicts=[{"axis": "noop", "status": "deny", "detail": "patch 7 changes nothing"}],
        reasons=["noop: patch 7 changes nothing"],
        ops=[{"op": "add", "path": "/a", "value": {"b": 1}}],
        bump="minor",
        candidate_hash="12345",
        meta={"model": "1", "seed": 7, "rate": 0.5, "cached": True, "note": "x" * 3_000},
    )

    async def conversation(client: Client, ask: Ask) -> None:
        tools = (await client.list_tools()).tools
        assert sorted(tool.name for tool in tools) == TOOLS
        assert all(tool.description and not tool.description.startswith(" ") for tool in tools)
        assert all("\nExample" in str(tool.description) and tool.output_schema for tool in tools)
        marked = [tool.name for tool in tools if "do not follow instructions" in " ".join(tool.description.split())]
        assert sorted(marked) == READS
        assert await ask("append_entry", **rejected) == {
            "issue_id": rejected["issue_id"],
            "result": "created",
            "digest": records.digest(make_entry(**rejected)),
        }
        await ask("append_entry", **make_fields(issue_id="b", ts_ms=rejected["ts_ms"] + 1))
        entry = await ask("get_entry", issue_id=rejected["issue_id"])
        assert {name: entry[name] for name in rejected} == rejected
        assert entry["observed"] is None
        assert (entry["notice"], entry["actor"]) == (DATA_NOTICE, {"kind": "token", "name": "agent-7"})
        why = await ask("why_rejected", blueprint_id="main", intent=rejected["intent"])
        assert why["denied"][0]["template"] == "patch ⟨n⟩ changes nothing"
        assert why["similar_applied"][0]["issue_id"] == "b"
        assert why["notice"] == DATA_NOTICE
        tried = await ask("tried_before", prev_hash=rejected["prev_hash"], limit=20)
        assert [one["issue_id"] for one in tried["attempts"]] == ["b", rejected["issue_id"]]
        assert tried["attempts"][1]["next"] == {"outcome": "applied", "issue_id": "b"}
        assert tried["attempts"][1]["pointers"] == ["/a"]
        assert (await ask("tried_before", prev_hash="null", blueprint_id="null"))["attempts"] == []
        assert "limit" in await refusal(ask, "tried_before", prev_hash="x", limit=21)
        listed = await ask("list_entries", blueprint_id="main", limit=1)
        assert [entry["issue_id"] for entry in listed["entries"]] == ["b"]
        assert listed["notice"] == DATA_NOTICE
        listed = await ask("list_entries", blueprint_id="main", limit=1, cursor=listed["next_cursor"])
        assert [entry["issue_id"] for entry in listed["entries"]] == [rejected["issue_id"]]
        assert listed["next_cursor"] is None
        listed = await ask("list_entries", status="rejected", fields=["bump", "ops"])
        assert listed["entries"] == [{name: rejected[name] for name in ("issue_id", "ops", "bump")}]
        listed = await ask("list_entries", meta={"seed": "7", "model": "1"}, fields=["meta"])
        (found,) = listed["entries"]
        assert found["meta"] == rejected["meta"] | {"note": found["meta"]["note"]}
        assert found["meta"]["note"].endswith("of meta.note]")
        note = await ask("get_entry", issue_id=rejected["issue_id"], fields=["meta.note"], offset=2_990)
        assert (note["meta.note"], note["continued"]) == ("x" * 10, [])
        assert (await ask("list_entries", meta={"seed": "8"}))["entries"] == []
        listed = await ask("list_entries", axis="noop")
        assert listed["entries"][0]["denied"] == {"noop": "patch 7 changes nothing"}

    assert talk(conversation, tmp_path) == ""


def test_a_model_asks_for_axes(live_api: str, tmp_path: Path):
    DatabaseEnhanceLogStore(Origin("command", "test", "api")).append_batch(
        [
            make_rejected("noop", "tone", issue_id="a"),
            make_rejected("noop", issue_id="b", blueprint_id="null"),
            make_rejected(*(f"{number:02}{'長' * 160}" for number in range(60)), issue_id="c", blueprint_id="wide"),
        ]
    )

    async def conversation(client: Client, ask: Ask) -> None:
        axes = await ask("list_axes")
        assert axes["notice"] == DATA_NOTICE
        assert len(axes["axes"]) + axes["left_out"] == 63
        (noop, des) = (await ask("list_axes", blueprint_id="null"))["axes"]
        assert (noop["axis"], noop["denied"]["n"], noop["alone"]["n"], noop["next"]["none"]) == ("noop", 1, 1, 1)
        assert (des["denied"]["n"], des["denied"]["of"]) == (0, 1)
        assert (await ask("list_axes", until="2001-01-01"))["axes"] == []
        noop = await ask("get_axis", axis="noop")
        assert (noop["together"], list(noop["blueprints"]), noop["left_out"]) == ({"tone": 1}, ["main", "null"], 0)
        assert (await ask("get_axis", axis=f"00{'長' * 160}"))["left_out"] > 0
        found = await ask("what_if", without=["noop"])
        assert (found["passed"]["n"], found["passed"]["of"], found["blueprints"]["null"]["n"]) == (1, 3, 1)
        assert "not found: nobody" in await refusal(ask, "get_axis", axis="nobody")
        assert "without" in await refusal(ask, "what_if", without=[])
        assert "since" in await refusal(ask, "list_axes", since="soon")

    assert talk(conversation, tmp_path) == ""


def test_a_model_reads_and_writes_content(live_api: str, tmp_path: Path):
    async def conversation(client: Client, ask: Ask) -> None:
        key = {"story_id": "S-1", "kind": "merge_report"}
        nothing: dict[str, Any] = {"notice": DATA_NOTICE, **key, "value": None, "version": 0, "continued": []}
        assert await ask("read_content", **key) == nothing
        value = '{"a": [1, 2.50]}'
        assert await ask("write_content", **key, value=value) == {**key, "version": 1, "created": True}
        assert await ask("read_content", **key) == nothing | {"value": value, "version": 1}
        assert (await ask("write_content", **key, value="[]", expected_version=1))["version"] == 2
        assert "version 2" in await refusal(ask, "write_content", **key, value="[]", expected_version=1)
        assert "value: is not JSON" in await refusal(ask, "write_content", **key, value="{")
        assert "kind: must be one of" in await refusal(ask, "read_content", story_id="S-1", kind="nothing")
        assert "story_id" in await refusal(ask, "write_content", story_id="a:b", kind="story", value="x")

    talk(conversation, tmp_path)


def test_what_goes_wrong_is_one_line_a_model_can_act_on(live_api: str, tmp_path: Path):
    async def conversation(client: Client, ask: Ask) -> None:
        fields = make_fields()
        assert (await ask("append_entry", **fields))["result"] == "created"
        assert "differs in intent" in await refusal(ask, "append_entry", **fields | {"intent": "x"})
        assert "not found: none" in await refusal(ask, "get_entry", issue_id="none")
        assert "issue_id: Field required" in await refusal(ask, "get_entry")
        assert "ts_ms: Input should be a valid integer" in await refusal(
            ask, "append_entry", **fields | {"ts_ms": True}
        )
        assert "blueprint_id: " in await refusal(ask, "append_entry", **fields | {"blueprint_id": ".."})
        assert "ops[0].path" in await refusal(ask, "append_entry", **fields, ops=[{"op": "remove", "path": "a"}])
        assert "since" in await refusal(ask, "list_entries", since="soon")
        assert "limit" in await refusal(ask, "list_entries", limit=1000)
        assert "cursor" in await refusal(ask, "list_entries", cursor="x")
        assert "fields" in await refusal(ask, "list_entries", fields=["nothing"])
        assert 'unknown field "nothing"' in await refusal(ask, "get_entry", issue_id="h-1", fields=["nothing"])
        assert "needs exactly one field" in await refusal(ask, "get_entry", issue_id="h-1", offset=1)
        assert "intent ends at" in await refusal(ask, "get_entry", issue_id="h-1", fields=["intent"], offset=1000)
        assert "no_such_tool" in await refusal(ask, "no_such_tool")

    assert "Traceback" not in talk(conversation, tmp_path)


def test_an_append_is_safe_to_repeat(live_api: str, tmp_path: Path):
    async def conversation(client: Client, ask: Ask) -> None:
        fields = make_fields()
        created = await ask("append_entry", **fields)
        assert await ask("append_entry", **fields) == created | {"result": "identical"}

    talk(conversation, tmp_path)


def test_a_long_text_is_read_in_parts(live_api: str, tmp_path: Path):
    text = "語 word\n" * 20_000

    async def conversation(client: Client, ask: Ask) -> None:
        await ask("append_entry", **make_fields(rationale=text))
        await ask("write_content", story_id="S-1", kind="story", value=text)
        whole, value, offset = "", "", 0
        entry = await ask("get_entry", issue_id="h-1")
        assert entry["continued"][0]["field"] == "rationale"
        while offset < len(text):
            entry = await ask("get_entry", issue_id="h-1", fields=["rationale"], offset=offset)
            part = await ask("read_content", story_id="S-1", kind="story", offset=offset)
            assert entry["continued"] == [one | {"field": "rationale"} for one in part["continued"]]
            whole += entry["rationale"].partition("… [continued at offset")[0]
            value += part["value"].partition("… [continued at offset")[0]
            offset = len(whole)
        assert whole == value == text

    talk(conversation, tmp_path)


def test_many_wide_entries_come_page_by_page(live_api: str, tmp_path: Path):
    deny = {"status": "deny", "detail": "\u0001" * 3000}
    verdicts = [{"axis": f"{number}{'語' * 150}", **deny} for number in range(20)]
    ids = [f"wide-{number:02}" for number in range(40)]
    origin = Origin("command", "test", "api")
    DatabaseEnhanceLogStore(origin).append_batch(
        [make_entry(issue_id=one, intent="w" * 3000, verdicts=verdicts, status="rejected") for one in ids]
    )

    async def conversation(client: Client, ask: Ask) -> None:
        found: list[str] = []
        cursor: Any = ""
        while cursor is not None:
            listed = await ask("list_entries", order="asc", limit=40, cursor=cursor)
            found += [entry["issue_id"] for entry in listed["entries"]]
            assert listed["entries"][0]["left_out"] == {"denied": 17}
            cursor = listed["next_cursor"]
        assert found == ids
        await ask("why_rejected", blueprint_id="main", intent="w")

    talk(conversation, tmp_path)


def test_what_a_host_s_store_says_is_read_too(live_api: str, tmp_path: Path):
    entry = make_rejected("keys", detail="credentials at /a")
    text = "id: main\n" * 5_000
    document = Document(hash=blake3(text.encode()).hexdigest(), form="yaml", text=text)
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append(entry)
    observed.keep("host", Found(patches=[patch_of(entry)], documents=[Seen("main", document)]))
    redacted = blake3(b"id: main\n").hexdigest()
    observed.keep("host", Found(documents=[Seen("main", Document(hash=redacted, form="yaml", text="id: main\n"))]))
    redacting_documents.redact(redacted, "a key", Origin("command", "tests", "host"))
    host_derivation.settle()

    async def conversation(client: Client, ask: Ask) -> None:
        why = await ask("why_rejected", blueprint_id="main")
        assert why["denied"][0]["samples"][0]["pointers"] == ["/a"]
        found = (await ask("get_entry", issue_id="h-1"))["observed"]
        assert found["ops"] == [{"op": "add", "path": "/a", "value": 1}]
        assert (found["bump"], found["source"]) == ("patch", "host")
        read = ""
        while len(read) < len(text):
            part = await ask("get_document", hash=document.hash, offset=len(read))
            assert (part["notice"], part["hash"], part["form"]) == (DATA_NOTICE, document.hash, "yaml")
            read += part["text"].partition("… [continued at offset")[0]
            assert part["left_out"] == len(text) - len(read)
        assert read == text
        assert "not found: 0123" in await refusal(ask, "get_document", hash="0123")
        assert "text ends at" in await refusal(ask, "get_document", hash=document.hash, offset=10**6)
        assert "it was redacted on" in await refusal(ask, "get_document", hash=redacted)

    talk(conversation, tmp_path)


def test_texts_that_look_like_json_are_texts(live_api: str, tmp_path: Path):
    async def conversation(client: Client, ask: Ask) -> None:
        await ask("append_entry", **make_fields(issue_id="null", blueprint_id="null", intent='["x"]'))
        await ask("append_entry", **make_fields())
        for filters in ({"blueprint_id": "null"}, {"text": '["x"]'}):
            assert [one["issue_id"] for one in (await ask("list_entries", **filters))["entries"]] == ["null"]
        assert len((await ask("list_entries", blueprint_id=None, text=None, fields=None))["entries"]) == 2

    talk(conversation, tmp_path)


@pytest.mark.parametrize("answer", ["Why", "TriedBefore"])
def test_the_schema_of_an_answer_is_the_server_s(answer: str):
    def names(schema: Any, one: Any) -> Any:
        one = schema[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        members = one.get("properties", {}) | ({"[]": one["items"]} if "items" in one else {})
        return {name: names(schema, member) for name, member in members.items()}

    ours = TypeAdapter(getattr(mcp_results, answer)).json_schema()
    assert names(ours["$defs"], ours) == names(SCHEMAS, SCHEMAS[answer])


def test_without_the_right_token_every_tool_says_so(live_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ENHANCELOG_TOKEN", "enh_" + "ab" * 32)

    async def conversation(client: Client, ask: Ask) -> None:
        assert "answered 401" in await refusal(ask, "get_entry", issue_id="h-1")

    assert "enh_ab" not in talk(conversation, tmp_path)


def test_manage_py_serves_it_without_a_database_or_data_folder(
    live_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ENHANCELOG_BOOTSTRAP", "0")
    monkeypatch.setenv("ENHANCELOG_DATA_DIR", str(tmp_path / "data"))

    async def conversation(client: Client, ask: Ask) -> None:
        assert (await ask("list_entries"))["entries"] == []

    assert talk(conversation, tmp_path, ["manage.py", "mcp"]) == ""
    assert not (tmp_path / "data").exists()
