"""The issue store and the settings store: odd rows are refused alone, and a spawner's secrets go nowhere."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enhancelog.domain.observed import Issue, Settings
from enhancelog.host.host_settings import HostSettings
from enhancelog.host.issues import Issues
from enhancelog.transfer.items import Refused, Unreadable
from tests.host.stores import ISSUES, SETTINGS, database

GOOD: dict[str, Any] = {
    "issue_id": "h-1",
    "blueprint_id": "main",
    "intent": "do it",
    "status_kind": "pending",
    "status_detail": None,
    "created_seq": 1,
    "pending_seq": 1,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "odd name %20?#é.db"


@pytest.fixture
def issues(path: Path) -> Iterator[sqlite3.Connection]:
    with database(path, ISSUES) as connection:
        yield connection


@pytest.fixture
def settings(path: Path) -> Iterator[sqlite3.Connection]:
    with database(path, SETTINGS) as connection:
        yield connection


def add(connection: sqlite3.Connection, **changes: Any) -> None:
    row = GOOD | changes
    connection.execute(f"INSERT INTO issues VALUES ({', '.join('?' * len(row))})", list(row.values()))


def test_issues_come_in_the_order_of_creation(path: Path, issues: sqlite3.Connection) -> None:
    add(issues, issue_id="ops/デプロイ-3 %", created_seq=3, status_kind="applied", status_detail="f" * 64)
    add(issues, issue_id="b", blueprint_id="", created_seq=2, intent="é\n🦊")
    early, late = Issues(path)
    assert early == Issue(issue_id="b", blueprint_id="", intent="é\n🦊", status="pending", detail="", created_seq=2)
    assert isinstance(late, Issue)
    assert (late.issue_id, late.status, late.detail) == ("ops/デプロイ-3 %", "applied", "f" * 64)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"issue_id": None}, "issue_id", "type"),
        ({"issue_id": ".."}, "issue_id", "id"),
        ({"issue_id": ""}, "issue_id", "id-length"),
        ({"blueprint_id": "x" * 513}, "blueprint_id", "id-length"),
        ({"intent": b"\xff"}, "intent", "type"),
        ({"intent": "nul\0"}, "intent", "nul"),
        ({"status_kind": "lost"}, "status_kind", "choice"),
        ({"status_detail": b"x"}, "status_detail", "type"),
        ({"status_detail": "nul\0"}, "status_detail", "nul"),
        ({"created_seq": 1.5}, "created_seq", "type"),
        ({"created_seq": "soon"}, "created_seq", "type"),
    ],
)
def test_an_issue_that_cannot_be_read_is_refused_alone(
    path: Path, issues: sqlite3.Connection, changes: dict[str, Any], field: str, rule: str
) -> None:
    add(issues, issue_id="before", created_seq=0)
    add(issues, **changes)
    add(issues, issue_id="after", created_seq=2)
    items = list(Issues(path))
    assert sorted(item.issue_id for item in items if isinstance(item, Issue)) == ["after", "before"]
    (refused,) = (item for item in items if isinstance(item, Refused))
    assert (refused.where, refused.reason.field, refused.reason.rule) == ("row 2", field, rule)
    refused.raw.encode()


def body(**changes: Any) -> str:
    spawner = {"name": "patch-spawner", "kind": "subprocess", "spec": {"env": {"API_KEY": "s3cret"}}}
    return json.dumps({"id": "default", "verifier_axes": ["des"], "ttl_secs": 3, "spawner": spawner} | changes)


def test_settings_are_read_without_the_spec(path: Path, settings: sqlite3.Connection) -> None:
    settings.execute("INSERT INTO enhance_settings VALUES ('default', ?), ('bare', '{}')", [body()])
    assert list(HostSettings(path)) == [
        Settings(id="bare", axes=(), ttl_s=None, spawner=""),
        Settings(id="default", axes=("des",), ttl_s=3, spawner="patch-spawner"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        '["s3cret"]',
        body() + "x",
        body(ttl_secs="soon"),
        body(ttl_secs=-1),
        body(verifier_axes="des"),
        body(verifier_axes=[".."]),
        body(verifier_axes=["a"] * 1001),
        body(spawner={"name": 7, "spec": "s3cret"}),
        body(spawner={"name": "nul\0", "spec": "s3cret"}),
        body(extra="s3cret").replace('"extra"', '"id"'),
    ],
)
def test_settings_that_cannot_be_read_are_refused_without_their_secrets(
    path: Path, settings: sqlite3.Connection, text: str
) -> None:
    settings.execute("INSERT INTO enhance_settings VALUES ('bare', '{}'), ('odd', ?)", [text])
    good, refused = list(HostSettings(path))
    assert isinstance(good, Settings)
    assert isinstance(refused, Refused)
    assert refused.raw == '{"id": "odd"}'
    assert "s3cret" not in str(refused)


@pytest.mark.parametrize("reader", [Issues, HostSettings])
def test_a_database_of_another_schema_is_unreadable(path: Path, reader: type[Issues] | type[HostSettings]) -> None:
    with database(path, "CREATE TABLE other (a)"), pytest.raises(Unreadable, match="has no table"):
        reader(path)
