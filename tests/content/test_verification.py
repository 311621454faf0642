"""``verify_log`` sees every damage to the content store; the database itself refuses to change a revision."""

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from content.models import ContentItem, ContentRevision
from content.store import open_store, verification
from content.store.database import DatabaseContentStore
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.content.conftest import AGENT

pytestmark = pytest.mark.django_db

REVISIONS = ContentRevision._meta.db_table
ITEMS = ContentItem._meta.db_table
COLUMNS = ", ".join(str(field.column) for field in ContentRevision._meta.concrete_fields)
WITHOUT_ID = COLUMNS.removeprefix("id, ")
COPIED = (
    f"INSERT INTO {REVISIONS} ({COLUMNS})"
    f" SELECT id + 99, {WITHOUT_ID.replace('version', '{version}')} FROM {REVISIONS} WHERE {{where}}"
)


@pytest.fixture(autouse=True)
def content() -> None:
    store = open_store(AGENT)
    for story_id in ("S-1", "S-2"):
        for value in ("one", "two", "three"):
            store.write(story_id, "story", value)
    store.write("S-1", "gate_output", "FAILED")
    store.take("S-1", "gate_output")
    store.increment("S-3", "abort_respawn_count", 2)


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def damage(*statements: str) -> str:
    """Then every finding."""
    with entries_unprotected():
        execute(*statements)
    return "\n".join(verify())


@pytest.fixture(params=[1, 2, 3, 1000])
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the rows fall into reads."""
    monkeypatch.setattr(verification, "ROWS_PER_READ", request.param)


@pytest.mark.usefixtures("batch")
def test_a_store_as_it_should_be_has_no_findings_and_every_row_is_read() -> None:
    done: list[int] = []
    assert list(verification.findings(done.append)) == []
    assert done[-1] == verification.total() == 9 + 4


IN_A_REVISION = {
    "value": ("'forged'", "story of S-1, version 2, does not match its envelope"),
    "version": ("7", "story of S-1: version 3 where 2 was expected"),
    "kind": ("'gate_output'", "gate_output of S-1"),
    "story_id": ("'S-9'", "story of S-9 has revisions but no item"),
    "updated_ms": ("updated_ms + 1", "story of S-1, version 2, does not match its envelope"),
    "actor_kind": ("'user'", "story of S-1, version 2, does not match its envelope"),
    "actor_name": ("'ada'", "story of S-1, version 2, does not match its envelope"),
    "source": ("'web'", "story of S-1, version 2, does not match its envelope"),
    "envelope": ("''", "story of S-1, version 2, does not match its envelope"),
    "redacted": ("'[]'", "story of S-1, version 2, says that it was redacted, but there is no redaction of it"),
    "id": ("id + 1000", "story of S-1, version 3, was stored before the version it follows"),
}


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize("column", IN_A_REVISION)
def test_a_changed_revision_is_named(column: str) -> None:
    value, said = IN_A_REVISION[column]
    version = "9" if column == "kind" else "version"
    change = f"{column} = {value}, version = {version}" if column == "kind" else f"{column} = {value}"
    assert said in damage(f"UPDATE {REVISIONS} SET {change} WHERE story_id = 'S-1' AND kind = 'story' AND version = 2")


def test_no_column_of_a_revision_can_be_changed_unnoticed() -> None:
    assert sorted(IN_A_REVISION) == sorted(str(field.column) for field in ContentRevision._meta.concrete_fields)


IN_AN_ITEM = {
    "value": "'forged'",
    "version": "4",
    "updated_ms": "updated_ms + 1",
    "actor_kind": "'user'",
    "actor_name": "'ada'",
    "source": "'web'",
}


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize("column", IN_AN_ITEM)
def test_an_item_that_is_not_its_latest_revision_is_named(column: str) -> None:
    said = damage(f"UPDATE {ITEMS} SET {column} = {IN_AN_ITEM[column]} WHERE story_id = 'S-1' AND kind = 'story'")
    assert said == "story of S-1 differs from its latest revision, version 3"


def test_an_item_that_came_back_from_a_take_is_named() -> None:
    said = damage(f"UPDATE {ITEMS} SET value = 'FAILED' WHERE kind = 'gate_output'")
    assert said == "gate_output of S-1 differs from its latest revision, version 2"


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"DELETE FROM {REVISIONS} WHERE story_id = 'S-2' AND version = 1", "story of S-2: version 2 where 1 was"),
        (f"DELETE FROM {REVISIONS} WHERE story_id = 'S-2' AND version = 2", "story of S-2: version 3 where 2 was"),
        (f"DELETE FROM {REVISIONS} WHERE story_id = 'S-2' AND version = 3", "story of S-2 differs from its latest"),
        (f"DELETE FROM {REVISIONS} WHERE story_id = 'S-3'", "abort_respawn_count of S-3 has an item but no revisions"),
        (f"DELETE FROM {ITEMS} WHERE story_id = 'S-3'", "abort_respawn_count of S-3 has revisions but no item"),
        (f"UPDATE {ITEMS} SET story_id = 'S-0' WHERE story_id = 'S-3'", "of S-0 has an item but no revisions"),
        (
            COPIED.format(version="version + 1", where="story_id = 'S-3'"),
            "abort_respawn_count of S-3, version 2, does not match its envelope",
        ),
    ],
)
def test_a_row_that_is_gone_or_forged_is_named(statement: str, said: str) -> None:
    assert said in damage(statement)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's columns have a type")
@pytest.mark.parametrize("value", ["x'00ff'", "CAST(x'6fff6f' AS TEXT)"])
@pytest.mark.parametrize(
    "column",
    [
        *(f"{REVISIONS}.{name}" for name in IN_A_REVISION if name != "id"),
        *(f"{ITEMS}.{name}" for name in ("story_id", "kind", *IN_AN_ITEM)),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_named_and_the_rest_is_verified(
    column: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another type, or text that is not UTF-8."""
    monkeypatch.setattr(verification, "ROWS_PER_READ", 1)
    table, name = column.split(".")
    version = 2 if table == REVISIONS else 3
    said = damage(
        f"UPDATE {table} SET {name} = {value} WHERE story_id = 'S-1' AND kind = 'story' AND version = {version}",
        f"DELETE FROM {REVISIONS} WHERE story_id = 'S-3'",
    )
    assert len(said.splitlines()) >= 2
    assert "abort_respawn_count of S-3 has an item but no revisions" in said


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's columns have a type")
def test_a_value_of_another_type_is_named_and_the_rest_is_verified() -> None:
    said = damage(
        f"UPDATE {REVISIONS} SET updated_ms = 'soon' WHERE story_id = 'S-1' AND version = 2",
        f"UPDATE {ITEMS} SET value = x'00ff' WHERE story_id = 'S-2'",
        f"DELETE FROM {ITEMS} WHERE story_id = 'S-3'",
    )
    assert "story of S-1, version 2, cannot be read: Expected `int`, got `str` - at `$.updated_ms`" in said
    assert "story of S-2, version 3, cannot be read: " in said
    assert "abort_respawn_count of S-3 has revisions but no item" in said


def test_changes_that_come_between_two_reads_are_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "ROWS_PER_READ", 1)
    store = open_store(AGENT)

    def changes(done: int) -> None:
        if done <= 12:
            store.write(f"S-{done % 3 + 1}", "story", f"after {done}")

    assert list(verification.findings(changes)) == []


def test_rows_are_read_by_the_indexes_of_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    store = DatabaseContentStore(AGENT)
    for n in range(3):
        store.write(f"T-{n}", "story", "text")
    statements: list[tuple[str, list[Any]]] = []

    def heard(execute, sql, params, many, context):
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(heard):
        assert list(verification.findings(lambda done: None)) == []
    sql, params = next(statement for statement in statements if ITEMS in statement[0])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            plan = json.dumps(cursor.fetchone()[0])
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plan = " ".join(str(row) for row in cursor.fetchall())
    assert "SCAN content" not in plan
    assert "Seq Scan" not in plan


# Immutability

FIRST = "story_id = 'S-1' AND kind = 'story' AND version = 1"
ON_BOTH = {
    "update": f"UPDATE {REVISIONS} SET value = 'forged'",
    "update to the same": f"UPDATE {REVISIONS} SET value = value WHERE {FIRST}",
    "delete": f"DELETE FROM {REVISIONS} WHERE {FIRST}",
    "upsert": COPIED.format(version="version", where=FIRST)
    + " ON CONFLICT (story_id, kind, version) DO UPDATE SET value = 'forged'",
}
ON_SQLITE = {
    "replace by id": f"REPLACE INTO {REVISIONS} ({COLUMNS}) SELECT id, {WITHOUT_ID.replace('version', 'version + 9')}"
    f" FROM {REVISIONS} WHERE {FIRST}",
    "replace by key": f"INSERT OR REPLACE INTO {REVISIONS} ({WITHOUT_ID}) SELECT {WITHOUT_ID} FROM {REVISIONS}",
    "update or replace": f"UPDATE OR REPLACE {REVISIONS} SET version = 1",
}
ON_POSTGRESQL = {
    "truncate": f"TRUNCATE {REVISIONS}",
    "as a replica": f"SET LOCAL session_replication_role = replica; DELETE FROM {REVISIONS}",
}
HERE = ON_BOTH | (ON_SQLITE if connection.vendor == "sqlite" else ON_POSTGRESQL)


@pytest.mark.parametrize("way", HERE)
def test_sql_changes_no_revision(way: str) -> None:
    before = list(ContentRevision.objects.order_by("id").values_list())
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(HERE[way])
    assert list(ContentRevision.objects.order_by("id").values_list()) == before


@pytest.mark.parametrize("way", [way for way in HERE if way != "update to the same"])
def test_without_the_triggers_the_database_would_have_changed_it(way: str) -> None:
    """So the test above proves something."""
    before = list(ContentRevision.objects.order_by("id").values_list())
    with entries_unprotected():
        execute(HERE[way])
        assert list(ContentRevision.objects.order_by("id").values_list()) != before


def test_the_orm_changes_no_revision() -> None:
    for change in (
        lambda: ContentRevision.objects.update(value="forged"),
        lambda: ContentRevision.objects.all().delete(),
        lambda: ContentRevision.objects.first().save(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_missing_trigger_of_the_revisions_is_named() -> None:
    with entries_unprotected():
        assert "the trigger content_contentrevision_no_" in "\n".join(verify())
