"""Upstream's SQLite file: rows in order, odd rows refused alone, and upstream never kept waiting."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from enhancelog.domain import records
from enhancelog.transfer.items import Found, Item, Refused, Unreadable
from enhancelog.transfer.sources import open_source
from enhancelog.transfer.upstream_sqlite import COLUMNS
from tests.factories import make_entry

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
SCHEMA = """
    CREATE TABLE enhance_log (
      issue_id TEXT PRIMARY KEY, blueprint_id TEXT NOT NULL, prev_hash TEXT NOT NULL, new_hash TEXT NOT NULL,
      intent TEXT NOT NULL, rationale TEXT NOT NULL, verdicts_json TEXT NOT NULL, status TEXT NOT NULL,
      reasons_json TEXT NOT NULL, ts_ms INTEGER NOT NULL);
    CREATE INDEX ix_enhance_log_bp_ts ON enhance_log(blueprint_id, ts_ms);
    CREATE INDEX ix_enhance_log_ts ON enhance_log(ts_ms)"""
GOOD: dict[str, Any] = {
    "issue_id": "h-1",
    "blueprint_id": "main",
    "prev_hash": "a" * 64,
    "new_hash": "b" * 64,
    "intent": "do it",
    "rationale": "done",
    "verdicts_json": '[{"axis": "des", "status": "pass", "detail": "ok"}]',
    "status": "applied",
    "reasons_json": "[]",
    "ts_ms": 1,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "odd name %20?#é.db"


@pytest.fixture
def upstream(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA)
        yield connection


def add(upstream: sqlite3.Connection, **changes: Any) -> None:
    row = GOOD | changes
    upstream.execute(f"INSERT INTO enhance_log VALUES ({', '.join('?' * len(row))})", list(row.values()))
    upstream.commit()


def read(path: Path, limit: int = 1 << 20) -> list[Item]:
    with open_source(str(path), limit) as source:
        return list(source)


def ids(items: list[Item]) -> list[str]:
    return [item.entry.issue_id if isinstance(item, Found) else "!" for item in items]


def test_rows_come_by_time_then_row(path: Path, upstream: sqlite3.Connection) -> None:
    for issue_id, ts_ms in [("b", 5), ("z", 1), ("a", 5), ("m", -(2**63)), ("n", 2**63 - 1)]:
        add(upstream, issue_id=issue_id, ts_ms=ts_ms)
    assert ids(read(path)) == ["m", "z", "b", "a", "n"]


def test_more_rows_than_one_read_keep_their_order(path: Path, upstream: sqlite3.Connection) -> None:
    for number in range(350):
        add(upstream, issue_id=str(number), ts_ms=-number // 3)
    with open_source(str(path), 1 << 20) as source:
        assert source.total == 350
        times = [item.entry.ts_ms for item in source if isinstance(item, Found)]
        assert source.done == 350
    assert times == sorted(times)
    assert len(times) == 350


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"issue_id": None}, "issue_id", "type"),
        ({"issue_id": b"blob"}, "issue_id", "type"),
        ({"issue_id": ".."}, "issue_id", "id"),
        ({"issue_id": "x" * 513}, "issue_id", "id-length"),
        ({"issue_id": "nul\0"}, "issue_id", "nul"),
        ({"intent": b"\xff\xfe"}, "intent", "type"),
        ({"verdicts_json": ""}, "verdicts_json", "json"),
        ({"verdicts_json": "null"}, "verdicts", "type"),
        ({"verdicts_json": b"[]"}, "verdicts_json", "type"),
        ({"verdicts_json": '[{"axis":"a","status":"pass"}]'}, "verdicts[0].detail", "missing"),
        ({"verdicts_json": '[{"axis":"a","axis":"b"}]'}, "verdicts_json[0].axis", "duplicate"),
        ({"verdicts_json": "[" * 100_000}, "verdicts_json", "depth"),
        ({"verdicts_json": '[],"status":"applied"'}, "verdicts_json", "json"),
        ({"reasons_json": "{}"}, "reasons", "type"),
        ({"reasons_json": '["\\ud800"]'}, "reasons_json[0]", "surrogate"),
        ({"status": "pending"}, "status", "choice"),
        ({"ts_ms": "soon"}, "ts_ms", "type"),
        ({"ts_ms": 1.5}, "ts_ms", "type"),
        ({"intent": "x" * 5000}, "", "size"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_alone(
    path: Path, upstream: sqlite3.Connection, changes: dict[str, Any], field: str, rule: str
) -> None:
    add(upstream, issue_id="before", ts_ms=0)
    add(upstream, **changes)
    add(upstream, issue_id="after", ts_ms=2)
    items = read(path, limit=4096)
    assert sorted(ids(items)) == ["!", "after", "before"]
    (refused,) = (item for item in items if isinstance(item, Refused))
    assert (refused.where, refused.reason.field, refused.reason.rule) == ("row 2", field, rule)
    assert '"blueprint_id": "main"' in refused.raw
    refused.raw.encode()


def test_text_that_is_no_utf8_is_refused_alone(path: Path, upstream: sqlite3.Connection) -> None:
    add(upstream, issue_id="good")
    upstream.execute("UPDATE enhance_log SET intent = CAST(x'61ff' AS TEXT)")
    upstream.commit()
    add(upstream, issue_id="better")
    refused, found = read(path)
    assert isinstance(refused, Refused)
    assert (refused.reason.field, refused.reason.rule) == ("intent", "utf-8")
    assert '"intent": "a\\\\xff"' in refused.raw
    assert ids([found]) == ["better"]


def test_upstream_commits_between_our_reads(path: Path, upstream: sqlite3.Connection) -> None:
    for number in range(250):
        add(upstream, issue_id=str(number))
    with open_source(str(path), 1 << 20) as source:
        for number, _ in enumerate(source):
            add(upstream, issue_id=f"meanwhile {number}")  # its connection does not wait: a held lock would raise
    assert len(read(path)) == 500


def test_a_row_that_vanishes_meanwhile_is_not_read(path: Path, upstream: sqlite3.Connection) -> None:
    for number in range(150):
        add(upstream, issue_id=str(number))
    with open_source(str(path), 1 << 20) as source:
        items = iter(source)
        next(items)
        upstream.execute("DELETE FROM enhance_log")
        upstream.commit()
        assert len(list(items)) == 99


def test_the_file_is_not_written(path: Path, upstream: sqlite3.Connection) -> None:
    add(upstream)
    upstream.close()
    before = path.read_bytes()
    path.chmod(0o400)
    read(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("CREATE TABLE other (a)", "no table enhance_log"),
        ("CREATE VIEW enhance_log AS SELECT 1 AS issue_id", "no table enhance_log"),
        ("CREATE TABLE enhance_log (issue_id TEXT, ts_ms INTEGER)", "lacks the column blueprint_id, prev_hash"),
        (f"CREATE TABLE enhance_log ({', '.join(COLUMNS)}, PRIMARY KEY (issue_id)) WITHOUT ROWID", "rowid"),
    ],
)
def test_a_database_that_is_no_enhance_log_is_unreadable(path: Path, schema: str, said: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(schema)
    with pytest.raises(Unreadable, match=said) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def test_a_damaged_file_is_unreadable(path: Path, upstream: sqlite3.Connection) -> None:
    for number in range(100):
        add(upstream, issue_id=str(number))
    upstream.close()
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(Unreadable):
        read(path)


def test_further_columns_are_ignored(path: Path, upstream: sqlite3.Connection) -> None:
    add(upstream)
    upstream.execute("ALTER TABLE enhance_log ADD COLUMN extra TEXT DEFAULT 'x'")
    upstream.commit()
    assert ids(read(path)) == ["h-1"]


@pytest.mark.parametrize("name", ["synthetic.db", "synthetic.json", "synthetic.ndjson"])
def test_the_samples_are_the_same_in_their_three_forms(name: str) -> None:
    expected = [records.encode(item.entry) for item in read(SAMPLES / "synthetic.json") if isinstance(item, Found)]
    found = [records.encode(item.entry) for item in read(SAMPLES / name) if isinstance(item, Found)]
    assert len(found) == 200
    assert sorted(found) == sorted(expected)


def test_a_row_equals_the_entry_it_was_written_from(path: Path, upstream: sqlite3.Connection) -> None:
    entry = make_entry(issue_id="ops/デプロイ-3 %", intent="é\n🦊")
    parts = {"verdicts_json": records.encode_part(entry.verdicts), "reasons_json": records.encode_part(entry.reasons)}
    add(upstream, **{column: parts.get(column) or getattr(entry, column) for column in COLUMNS})
    assert [item.entry for item in read(path) if isinstance(item, Found)] == [entry]
