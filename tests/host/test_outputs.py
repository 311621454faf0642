"""The output store: patches with their documents, answers that became none, odd rows refused alone."""

import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enhancelog.domain.observed import Answer, Document, Patch
from enhancelog.host.documents import MAX_DOCUMENT_BYTES
from enhancelog.host.outputs import Output, Outputs
from enhancelog.transfer.items import Refused, Unreadable
from enhancelog.transfer.sqlite_rows import MAX_VALUE_BYTES
from tests.host.stores import OUTPUTS, add_output, applied, database, final, hash_of, spawned

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "odd name %20?#é.db"


@pytest.fixture
def host(path: Path) -> Iterator[sqlite3.Connection]:
    with database(path, OUTPUTS) as connection:
        yield connection


def read(path: Path) -> list[Output | Refused]:
    return list(Outputs(path))


def kinds(items: list[Output | Refused]) -> list[str]:
    return [type(item).__name__ for item in items]


def refused(items: list[Output | Refused]) -> list[tuple[str, str, str]]:
    return [(item.where, item.reason.field, item.reason.rule) for item in items if isinstance(item, Refused)]


def test_an_applied_patch_comes_with_the_documents_before_and_after(path: Path, host: sqlite3.Connection) -> None:
    add_output(host, "patch-applier", final(applied(ts_ms=7)), seq=3)
    patch, before, after = read(path)
    assert isinstance(patch, Patch)
    assert (patch.blueprint_id, patch.prev_hash, patch.ts_ms) == ("main", hash_of("a: 1\n"), 7)
    assert json.loads(bytes(patch.ops)) == [{"op": "replace", "path": "/agents/0/name", "value": "b"}]
    assert (patch.bump, patch.rationale, patch.seq) == ("patch", "because", 3)
    assert patch.candidate_hash == hash_of("a: 2\n")
    assert before == Document(hash=hash_of("a: 1\n"), form="yaml", text="a: 1\n")
    assert after == Document(hash=hash_of("a: 2\n"), form="yaml", text="a: 2\n")


def test_rows_come_in_the_order_of_writing_and_each_document_once(path: Path, host: sqlite3.Connection) -> None:
    add_output(host, "patch-applier", final(applied("b", "c")), seq=2)
    add_output(host, "patch-applier", final(applied("a", "b")), seq=1)
    items = read(path)
    assert [item.text for item in items if isinstance(item, Document)] == ["a", "b", "c"]
    assert [item.seq for item in items if isinstance(item, Patch)] == [1, 2]


def test_a_spawned_patch_that_was_applied_is_no_answer(path: Path, host: sqlite3.Connection) -> None:
    late = spawned(rationale="late")
    add_output(host, "patch-spawner", json.dumps(reordered(final(reordered(spawned()))), indent=1))
    add_output(host, "patch-spawner", final(late), seq=2)  # inside the next run's rows
    add_output(host, "patch-applier", final(applied()), seq=3)
    answer, *rest = read(path)
    assert answer == Answer(seq=2, ok=True, text=json.dumps(late), ops=answer.ops, rationale="late")
    assert kinds(rest) == ["Patch", "Document", "Document"]


def reordered(value: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(value.items(), reverse=True))


@pytest.mark.parametrize(
    ("value", "ok"),
    [
        ({"raw": "", "stderr": "model refused"}, False),
        (spawned(), False),
        ("I cannot do that.", True),
        ({"rationale": "no ops"}, True),
        ({"ops": [{"op": "fly", "path": "/a"}]}, True),
        ({"ops": "none", "rationale": 7}, True),
        (None, True),
        ([], True),
    ],
)
def test_what_a_model_says_instead_of_a_patch_is_kept_as_said(
    path: Path, host: sqlite3.Connection, value: Any, ok: bool
) -> None:
    add_output(host, "patch-spawner", final(value, ok=ok))
    (answer,) = read(path)
    assert answer == Answer(seq=1, ok=ok, text=json.dumps(value))


@pytest.mark.parametrize("event", [final(applied(), ok=False), final(applied(), kind="reference"), {"type": "started"}])
def test_a_row_that_is_no_result_is_no_patch(path: Path, host: sqlite3.Connection, event: dict[str, Any]) -> None:
    add_output(host, "patch-applier", event)
    add_output(host, "verifier-router", "not JSON, and never read")
    assert read(path) == []


@pytest.mark.parametrize(
    ("event", "field", "rule"),
    [
        ("", "event_json", "json"),
        ("not JSON", "event_json", "json"),
        ('{"type":' + "[" * 100_000, "event_json.type", "type"),
        ('{"content":' + "[" * 100_000, "event_json", "depth"),
        (final(applied(patch=spawned(rationale="\ud800"))), "event_json", "json"),
        ("null", "event_json", "type"),
        (b"\xff", "event_json", "type"),
        ('{"type":"final","content":{"kind":"inline","value":{}}}', "event_json.ok", "missing"),
        ('{"type":"final","content":"inline","ok":true}', "content", "type"),
        (final({}), "value.epoch_id", "missing"),
        (
            final(applied(epoch_id={"blueprint_id": "main", "start_version": "a"})),
            "value.epoch_id.started_at_ms",
            "missing",
        ),
        (final(applied(ts_ms=2**63)), "value.epoch_id.started_at_ms", "value"),
        (final(applied(ts_ms="soon")), "value.epoch_id.started_at_ms", "type"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_alone(
    path: Path, host: sqlite3.Connection, event: Any, field: str, rule: str
) -> None:
    add_output(host, "patch-applier", final(applied()), seq=1)
    add_output(host, "patch-applier", event, seq=2)
    add_output(host, "patch-applier", final(applied("x", "y")), seq=3)
    items = read(path)
    assert kinds(items) == ["Patch", "Document", "Document", "Refused", "Patch", "Document", "Document"]
    assert refused(items) == [("row 2", field, rule)]


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"rationale": "no ops"}, "patch.ops"),
        (spawned([{"op": "fly", "path": "/a"}]), "patch.ops[0].op"),
        (spawned([{"op": "add", "path": "/a"}]), "patch.ops[0].value"),
        (spawned([{"op": "remove", "path": "a"}]), "patch.ops[0].path"),
        (spawned({}), "patch.ops"),
        (spawned(bump="huge"), "patch.bump"),
        (spawned(rationale="nul\0"), "patch.rationale"),
        (spawned([{"op": "add", "path": "/a", "value": json.loads("[" * 40 + "]" * 40)}]), "patch.ops"),
        ("patch", "patch"),
    ],
)
def test_operations_that_are_not_a_patch_are_refused_but_not_the_documents(
    path: Path, host: sqlite3.Connection, patch: Any, field: str
) -> None:
    add_output(host, "patch-applier", final(applied(patch=patch)))
    items = read(path)
    assert kinds(items) == ["Refused", "Document", "Document"]
    assert [found for _, found, _ in refused(items)] == [field]


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"new_bp_yaml": "a: 3\n"}, "new_bp_yaml", "hash"),
        ({"new_hash": "odd"}, "new_bp_yaml", "hash"),
        ({"new_hash": hash_of("a: 2\n").upper()}, "new_bp_yaml", "hash"),
        ({"new_bp_yaml": None}, "new_bp_yaml", "type"),
        ({"new_bp_yaml": "nul\0", "new_hash": hash_of("nul\0")}, "new_bp_yaml", "nul"),
        ({"new_bp_yaml": "x" * (MAX_DOCUMENT_BYTES + 1)}, "new_bp_yaml", "size"),
    ],
)
def test_a_document_that_does_not_prove_itself_is_refused_but_not_its_patch(
    path: Path, host: sqlite3.Connection, changes: dict[str, Any], field: str, rule: str
) -> None:
    add_output(host, "patch-applier", final(applied(**changes)))
    items = read(path)
    assert kinds(items) == ["Patch", "Document", "Refused"]
    assert refused(items) == [("row 1", field, rule)]


def test_a_document_of_the_largest_size_is_read(path: Path, host: sqlite3.Connection) -> None:
    text = "a: é\n" * (MAX_DOCUMENT_BYTES // 6)
    add_output(host, "patch-applier", final(applied(text, "a")))
    assert [len(item.text) for item in read(path) if isinstance(item, Document)] == [len(text), 1]


def test_aliases_are_never_expanded(path: Path, host: sqlite3.Connection) -> None:
    add_output(host, "patch-applier", final(applied(BOMB)))
    assert next(item.text for item in read(path) if isinstance(item, Document)) == BOMB


def test_a_value_larger_than_any_row_is_refused_without_loading_it(path: Path, host: sqlite3.Connection) -> None:
    add_output(host, "patch-applier", final(applied()), seq=1)
    add_output(host, "patch-applier", "x", seq=2)
    add_output(host, "patch-applier", final(applied("x", "y")), seq=3)
    host.execute("UPDATE outputs SET event_json = CAST(zeroblob(?) AS TEXT) WHERE seq = 2", [MAX_VALUE_BYTES + 1])
    tracemalloc.start()
    items = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused(items) == [("row 2", "", "size")]
    assert len(items) == 7
    assert peak < MAX_VALUE_BYTES / 4


def test_text_that_is_no_utf8_is_refused_alone(path: Path, host: sqlite3.Connection) -> None:
    add_output(host, "patch-applier", "x", seq=1)
    add_output(host, "patch-applier", final(applied()), seq=2)
    host.execute("UPDATE outputs SET event_json = CAST(x'7bff' AS TEXT) WHERE seq = 1")
    items = read(path)
    assert kinds(items) == ["Refused", "Patch", "Document", "Document"]
    assert refused(items) == [("row 1", "event_json", "utf-8")]


def test_memory_stays_flat(path: Path, host: sqlite3.Connection) -> None:
    filling = "x: " + "y" * 100_000
    for number in range(400):
        add_output(host, "patch-spawner", final(spawned(rationale=f"{number} {filling}")), seq=2 * number)
        patch = spawned(rationale=f"{number} {filling}")
        add_output(host, "patch-applier", final(applied(f"{number} {filling}", f"{number + 1} {filling}", patch=patch)))
    tracemalloc.start()
    counted = sum(isinstance(item, Document) for item in Outputs(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counted == 401
    assert peak < path.stat().st_size / 4


def test_the_host_writes_between_our_reads(path: Path, host: sqlite3.Connection) -> None:
    for number in range(250):
        add_output(host, "patch-applier", final(applied(f"{number}", f"{number + 1}")), seq=number)
    for number, _ in enumerate(Outputs(path)):
        add_output(host, "committer", f"{number}", seq=1000)  # its connection does not wait: a held lock would raise


def test_a_write_ahead_log_beside_the_file_is_read(path: Path, host: sqlite3.Connection) -> None:
    host.execute("PRAGMA journal_mode = WAL")
    host.execute("PRAGMA wal_autocheckpoint = 0")
    add_output(host, "patch-applier", final(applied()))
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    assert kinds(read(path)) == ["Patch", "Document", "Document"]


def test_a_write_ahead_log_that_a_killed_host_left_is_read(
    path: Path, host: sqlite3.Connection, tmp_path: Path
) -> None:
    host.execute("PRAGMA journal_mode = WAL")
    add_output(host, "patch-applier", final(applied()))
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    copy.with_name("copy.db-wal").write_bytes(path.with_name(f"{path.name}-wal").read_bytes())
    before = copy.read_bytes()
    assert kinds(read(copy)) == ["Patch", "Document", "Document"]
    assert copy.read_bytes() == before


def test_a_write_ahead_log_that_cannot_be_opened_says_what_to_do(path: Path) -> None:
    with database(path, OUTPUTS) as host:
        host.execute("PRAGMA journal_mode = WAL")
    path.with_name(f"{path.name}-wal").mkdir()  # root could create one in any folder
    with pytest.raises(Unreadable, match="copy it and its -wal file to a folder that you can write to"):
        read(path)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("CREATE TABLE other (a)", "no table outputs, so it is not an output store"),
        ("CREATE VIEW outputs AS SELECT 1 AS seq", "no table outputs"),
        ("CREATE TABLE outputs (producer_agent TEXT, seq INTEGER)", "lacks the column event_json"),
        ("CREATE TABLE outputs (producer_agent, event_json, seq, PRIMARY KEY (seq)) WITHOUT ROWID", "rowid"),
        ("CREATE TABLE outputs (producer_agent, event_json, seq, rowid TEXT)", "a column named rowid"),
    ],
)
def test_a_database_of_another_schema_is_unreadable(path: Path, schema: str, said: str) -> None:
    with database(path, schema) as connection:
        if "rowid TEXT" in schema:
            connection.execute("INSERT INTO outputs VALUES ('patch-applier', '{}', 1, 'x')")
    with pytest.raises(Unreadable, match=said) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kept", [0, 50, 100, 5000])
def test_a_file_that_was_cut_off_is_unreadable(path: Path, host: sqlite3.Connection, kept: int) -> None:
    for number in range(50):
        add_output(host, "patch-applier", final(applied(f"{number}" * 500, "b")), seq=number)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Unreadable) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)
