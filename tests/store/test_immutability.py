"""Nothing changes a stored entry: not the ORM, not raw SQL, not an insert that overwrites."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from enhancelog.backends import dialect
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry, Immutable
from enhancelog.store import database
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.conftest import entries_unprotected
from tests.factories import make_entry, make_rejected

pytestmark = pytest.mark.django_db

TABLE = Entry._meta.db_table
COLUMNS = ", ".join(str(field.column) for field in Entry._meta.concrete_fields)
OTHER_COLUMNS = COLUMNS.removeprefix("position, ")


@pytest.fixture(autouse=True)
def two_entries() -> Iterator[None]:
    """Afterwards the log must be as it was, whatever was tried."""
    stored = [make_entry(issue_id="a"), make_rejected("noop", issue_id="b", ops=[], bump="minor")]
    DatabaseEnhanceLogStore(Origin("command", "tests", "tests")).append_batch(stored)
    before = list(Entry.objects.order_by("position").values_list())
    yield
    assert list(Entry.objects.order_by("position").values_list()) == before
    assert [row.entry for batch in database.stored_batches() for row in batch] == stored


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def first() -> Entry:
    return Entry.objects.get(position=1)


def overwriting(**options: Any) -> None:
    entry = first()
    entry.intent = "changed"
    Entry.objects.bulk_create([entry], **options)


BY_ORM: dict[str, Callable[[], object]] = {
    "save": lambda: first().save(),
    "save a new one": lambda: Entry(position=3, issue_id="c").save(force_insert=True),
    "create": lambda: Entry.objects.create(position=3, issue_id="c"),
    "update_or_create": lambda: Entry.objects.update_or_create(position=1, defaults={"intent": "changed"}),
    "save_base": lambda: first().save_base(force_update=True),
    "delete": lambda: first().delete(),
    "queryset update": lambda: Entry.objects.filter(issue_id="a").update(intent="changed"),
    "queryset delete": lambda: Entry.objects.all().delete(),
    "raw delete": lambda: Entry.objects.all()._raw_delete("default"),
    "bulk_update": lambda: Entry.objects.bulk_update([first()], ["intent"]),
    "bulk_create": lambda: overwriting(),
    "bulk_create updating": lambda: overwriting(
        update_conflicts=True, update_fields=["intent"], unique_fields=["position"]
    ),
    "base manager update": lambda: Entry._base_manager.update(intent="changed"),
    "base manager delete": lambda: Entry._base_manager.all().delete(),
}

ON_BOTH = {
    "update": f"UPDATE {TABLE} SET intent = 'changed'",
    "update of one": f"UPDATE {TABLE} SET digest = '' WHERE issue_id = 'b'",
    "update to the same": f"UPDATE {TABLE} SET intent = intent",
    "update of the position": f"UPDATE {TABLE} SET position = position + 10",
    "delete": f"DELETE FROM {TABLE}",
    "delete of one": f"DELETE FROM {TABLE} WHERE position = 2",
    "insert of a position": f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE}",
    "insert of an id": f"INSERT INTO {TABLE} ({COLUMNS}) SELECT position + 10, {OTHER_COLUMNS} FROM {TABLE}",
    "upsert": f"INSERT INTO {TABLE} ({COLUMNS}) SELECT position + 10, {OTHER_COLUMNS} FROM {TABLE} WHERE true"
    " ON CONFLICT (issue_id) DO UPDATE SET intent = 'changed'",
    "upsert by position": f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE} WHERE true"
    " ON CONFLICT (position) DO UPDATE SET intent = 'changed'",
}
ON_SQLITE = {
    "replace": f"REPLACE INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE}",
    "replace by id": f"INSERT OR REPLACE INTO {TABLE} ({COLUMNS}) SELECT position + 9, {OTHER_COLUMNS} FROM {TABLE}",
    "replace by position": f"INSERT OR REPLACE INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE}",
    "update or replace": f"UPDATE OR REPLACE {TABLE} SET position = 1",
    "update or ignore": f"UPDATE OR IGNORE {TABLE} SET intent = 'changed'",
}
ON_POSTGRESQL = {
    "truncate": f"TRUNCATE {TABLE}",
    "truncate cascade": f"TRUNCATE {TABLE} CASCADE",
    "merge": f"MERGE INTO {TABLE} kept USING (SELECT 1 AS n) one ON position = n WHEN MATCHED THEN DELETE",
    "update as a replica": f"SET LOCAL session_replication_role = replica; UPDATE {TABLE} SET intent = 'changed'",
}
HERE = ON_BOTH | (ON_SQLITE if connection.vendor == "sqlite" else ON_POSTGRESQL)


@pytest.mark.parametrize("way", BY_ORM)
def test_the_orm_changes_no_entry(way: str) -> None:
    with pytest.raises((Immutable, IntegrityError)), transaction.atomic():
        BY_ORM[way]()


@pytest.mark.parametrize("way", HERE)
def test_sql_changes_no_entry(way: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(HERE[way])


def test_an_entry_without_an_id_or_with_an_unknown_status_is_refused_by_the_database() -> None:
    for changes in ("issue_id = ''", "status = 'unknown'", "bump = 'huge'", "position = 0"):
        column = changes.split()[0]
        value = changes.split(" = ")[1]
        values = [
            value if name == column else {"position": "99", "issue_id": "'x'"}.get(name, name)
            for name in COLUMNS.split(", ")
        ]
        with pytest.raises(IntegrityError), transaction.atomic():
            execute(f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {', '.join(values)} FROM {TABLE} WHERE position = 1")


def test_missing_triggers_are_named_and_migrate_puts_them_back() -> None:
    with entries_unprotected(), connection.cursor() as cursor:
        missing = dialect().missing_triggers(cursor)
        assert len(missing) >= 2
        call_command("migrate", verbosity=0)
        assert dialect().missing_triggers(cursor) == []


def test_an_altered_trigger_is_as_good_as_missing() -> None:
    with connection.cursor() as cursor:
        name = alter_a_trigger()
        assert dialect().missing_triggers(cursor) == [name]
        dialect().install_triggers(cursor)
        assert dialect().missing_triggers(cursor) == []


def alter_a_trigger() -> str:
    if connection.vendor == "sqlite":
        name = "enhancelog_entry_no_update"
        execute(f"DROP TRIGGER {name}")
        execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON {TABLE} WHEN 0 BEGIN SELECT 1; END")
    else:
        name = "enhancelog_entry_no_change"
        execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER {name}")
    return name


WEAK_ROW_TRIGGER = f"""
    CREATE OR REPLACE TRIGGER enhancelog_entry_no_change BEFORE {{event}} ON {TABLE} FOR EACH ROW {{condition}}
    EXECUTE FUNCTION enhancelog_entry_refuse_change();
    ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER enhancelog_entry_no_change"""
WEAKENED = {
    "not for replicas": f"ALTER TABLE {TABLE} ENABLE TRIGGER enhancelog_entry_no_change",
    "a function that lets everything pass": """
        CREATE OR REPLACE FUNCTION enhancelog_entry_refuse_change() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RETURN NULL; END $$""",
    "deletes alone": WEAK_ROW_TRIGGER.format(event="DELETE", condition=""),
    "one column alone": WEAK_ROW_TRIGGER.format(event="DELETE OR UPDATE OF intent", condition=""),
    "some rows alone": WEAK_ROW_TRIGGER.format(event="UPDATE OR DELETE", condition="WHEN (OLD.position < 0)"),
}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's triggers call a function")
@pytest.mark.parametrize("way", WEAKENED)
def test_a_weakened_trigger_on_postgresql_is_named(way: str) -> None:
    execute(WEAKENED[way])
    with connection.cursor() as cursor:
        assert "enhancelog_entry_no_change" in dialect().missing_triggers(cursor)
        dialect().install_triggers(cursor)
        assert dialect().missing_triggers(cursor) == []


def test_without_the_triggers_the_database_would_have_changed_it() -> None:
    """So the tests above prove something."""
    with transaction.atomic():
        with entries_unprotected():
            execute(f"UPDATE {TABLE} SET intent = 'changed' WHERE position = 1")
            assert first().intent == "changed"
        transaction.set_rollback(True)
