"""When the database fails: the fault is ``Other``, and nothing is stored by half."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from enhancelog.backends import Dialect, dialect
from enhancelog.domain.errors import Full, Other
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry as Record
from enhancelog.models import Denial, DenialPattern, Entry, StatusTally, TemplateTally
from enhancelog.store import database, group, writing
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.factories import make_rejected
from tests.projections.test_projections import read_tables

STORE = DatabaseEnhanceLogStore(Origin("command", "tests", "tests"))


def batch(size: int) -> list[Record]:
    return [make_rejected("noop", issue_id=str(number)) for number in range(size)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "APPEND_PATIENCE_S", 0.0)


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 40])
def test_an_append_whose_projections_fail_stores_nothing(size: int) -> None:
    rename("enhancelog_denial", "gone")
    with pytest.raises(Other, match="the database failed"):
        STORE.append_batch(batch(size))
    rename("gone", "enhancelog_denial")
    assert STORE.list_all() == []
    assert list(verify()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "ask",
    [
        lambda: STORE.append(make_rejected()),
        lambda: STORE.append_batch(batch(40)),
        lambda: STORE.get("h-1"),
        lambda: STORE.list_all(),
        lambda: STORE.list_by_blueprint("main"),
        lambda: rebuild_projections(),
        lambda: list(verify()),
        lambda: database.analyze(),
    ],
)
def test_a_fault_of_the_database_is_other_in_one_line(ask: Callable[[], object]) -> None:
    def ask_without_the_table() -> None:
        with transaction.atomic():
            rename(Entry._meta.db_table, "gone")
            ask()

    with pytest.raises(Other, match="the database failed") as fault:
        ask_without_the_table()
    assert not isinstance(fault.value.__cause__, Other)


@pytest.mark.django_db
@pytest.mark.parametrize("table", [Denial, StatusTally, DenialPattern, TemplateTally])
def test_a_step_of_a_rebuild_that_fails_leaves_its_rows_as_they_were(
    table: type[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    STORE.append_batch(batch(3))
    table._default_manager.update(blueprint_id="another")
    before = read_tables()
    insert = type(dialect()).insert_rows

    def break_off(self: Dialect, cursor: CursorWrapper, name: str, *arguments: Any) -> None:
        if name == table._meta.db_table:
            raise MemoryError
        insert(self, cursor, name, *arguments)

    monkeypatch.setattr(type(dialect()), "insert_rows", break_off)
    with pytest.raises(MemoryError):
        rebuild_projections()
    assert read_tables() == before
    monkeypatch.undo()
    rebuild_projections()
    assert list(verify()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="a full disk is easily made on SQLite alone")
@pytest.mark.once
def test_a_full_disk_is_full_at_once_and_appends_go_on_when_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    STORE.append(make_rejected(issue_id="before"))
    group.drain()  # the next append has a new connection
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # no room is left that earlier entries had
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]

    def limit(connection: BaseDatabaseWrapper, **unused: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {pages}")

    attempts = []

    def write(cursor: CursorWrapper, appends: Sequence[writing.Append]) -> None:
        attempts.append(appends)
        writing.write(cursor, appends)

    monkeypatch.setattr("enhancelog.store.group.write", write)
    monkeypatch.setattr(writing, "APPEND_PATIENCE_S", 5.0)
    connection_created.connect(limit)
    try:
        with pytest.raises(Full, match="full"):
            STORE.append(make_rejected(issue_id="large", detail="x" * 100_000))
    finally:
        connection_created.disconnect(limit)
    assert len(attempts) == 1  # another attempt would only keep others waiting
    STORE.append(make_rejected(issue_id="after"))
    assert [entry.issue_id for entry in STORE.list_all()] == ["before", "after"]
    assert list(verify()) == []
