"""The fingerprint of the schema, and what is refused on a database whose schema is another one."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from content.store import open_store as open_content
from enhancelog.apps import install
from enhancelog.backends import dialect, schema
from enhancelog.backends.schema import State
from enhancelog.domain.errors import Other, WrongSchema
from enhancelog.domain.origin import Origin
from enhancelog.models import EntryBadge
from enhancelog.projections import entry_badges
from enhancelog.store import open_store
from enhancelog.store.database import last_position
from tests.factories import make_entry

ME = Origin("command", "tests", "tests")
ONE = {"enhancelog.0001_initial": b"a", "content.0001_initial": b"b"}


@pytest.mark.parametrize(
    ("sources", "statements"),
    [
        ({"enhancelog.0001_initial": b"changed", "content.0001_initial": b"b"}, "CREATE TRIGGER"),
        (ONE | {"content.0002_more": b""}, "CREATE TRIGGER"),
        (ONE, "CREATE TRIGGER changed"),
    ],
    ids=["migration changed", "migration added", "trigger changed"],
)
def test_fingerprint_changes_with_migrations_and_triggers(sources: dict[str, bytes], statements: str) -> None:
    before = schema.describe(ONE, "CREATE TRIGGER")
    assert schema.describe(dict(reversed(ONE.items())), "CREATE TRIGGER") == before
    assert schema.describe(sources, statements).fingerprint != before.fingerprint


@pytest.mark.django_db
def test_fingerprint_covers_all_that_protects_the_log() -> None:
    assert {"enhancelog.0001_initial", "content.0001_initial"} <= set(schema.expected().migrations)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            if connection.vendor == "sqlite"
            else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        triggers = [name for (name,) in cursor.fetchall()]
    assert triggers
    assert all(name in dialect().schema_sql() for name in triggers)


@pytest.mark.once
@pytest.mark.django_db
def test_models_differ_in_nothing_from_their_migrations() -> None:
    """So a model cannot change without the fingerprint."""
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.once
def test_every_migration_can_be_part_of_one_transaction() -> None:
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None)
    assert [
        key for key, migration in loader.disk_migrations.items() if key[0] in schema.APPS and not migration.atomic
    ] == []


def state() -> State:
    with connection.cursor() as cursor:
        return schema.inspect(cursor).state


@contextmanager
def migrated_by_newer_release() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('content', '9999_future', CURRENT_TIMESTAMP)"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '9999_future'")


@pytest.mark.django_db
def test_an_initial_migration_of_another_text_is_told_from_an_upgrade() -> None:
    assert state() is State.CURRENT
    other = json.dumps(dict.fromkeys(schema.expected().migrations, "0" * 64))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE enhancelog_schema SET fingerprint = 'other'")
    assert state() is State.BEHIND  # triggers of an earlier release: migrate puts ours there
    with connection.cursor() as cursor:
        cursor.execute("UPDATE enhancelog_schema SET migrations = %s", [other])
    assert state() is State.FOREIGN
    for command in ("export_log", "migrate"):
        with pytest.raises(
            CommandError, match=r"export_log and export_content .* import_log and import_content"
        ) as error:
            call_command(command)
        assert error.value.returncode == 2
        assert "\n" not in str(error.value)


@pytest.mark.django_db
def test_a_database_without_the_record_is_from_a_development_version() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE enhancelog_schema")
        found = schema.inspect(cursor)
    assert found.state is State.FOREIGN
    assert "an earlier development version" in found.reason


@pytest.mark.django_db
def test_nothing_is_written_to_a_database_that_was_migrated_meanwhile() -> None:
    open_store(ME).append(make_entry(issue_id="before"))
    open_content(ME).write("before", "story", "text")
    with migrated_by_newer_release():
        with pytest.raises(WrongSchema, match="newer release"):
            open_store(ME).append(make_entry(issue_id="after"))
        with pytest.raises(WrongSchema, match="newer release"):
            open_content(ME).write("after", "story", "text")
    assert last_position() == 1
    assert open_content(ME).list_ids() == ["before"]
    open_store(ME).append(make_entry(issue_id="again"))


@pytest.mark.django_db
def test_looking_at_the_schema_is_one_query_a_transaction() -> None:
    open_store(ME).append(make_entry(issue_id="first"))
    with CaptureQueriesContext(connection) as captured:
        open_store(ME).append(make_entry(issue_id="second"))
        open_content(ME).write("one", "story", "text")
    about = [query["sql"] for query in captured if "enhancelog_schema" in query["sql"] or "pg_class" in query["sql"]]
    assert len(about) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_content_is_not_written_while_the_schema_changes() -> None:
    def write() -> None:
        try:
            open_content(ME).write("one", "story", "text")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic(), dialect().migrating() as cursor:
        schema.begin(cursor)
        written = pool.submit(write)
        with pytest.raises(Other):
            written.result(timeout=20)
        transaction.set_rollback(True)
    assert open_content(ME).list_ids() == []
    assert state() is State.CURRENT


@pytest.fixture
def other_badges(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From here on a release under whose rules every entry has one badge."""
    monkeypatch.setattr(schema, "RULES", {"rules of badges": "another"})
    monkeypatch.setattr(entry_badges, "badges", lambda entry, recorded_ms, source: ("implausible time",))
    schema.expected.cache_clear()
    monkeypatch.setattr(schema, "_current", None)
    yield
    monkeypatch.undo()
    schema.expected.cache_clear()


@pytest.mark.django_db
def test_other_rules_of_badges_are_an_upgrade_that_derives_them_anew(request: pytest.FixtureRequest) -> None:
    store = open_store(ME)
    store.append(make_entry(issue_id="odd", prev_hash="x"))
    store.append(make_entry(issue_id="usual"))
    assert list(EntryBadge.objects.values_list("entry__issue_id", "badge")) == [("odd", "unusual hash")]
    request.getfixturevalue("other_badges")
    assert state() is State.BEHIND
    install(using="default")
    assert state() is State.CURRENT
    badges = EntryBadge.objects.order_by("entry_id").values_list("entry__issue_id", "badge")
    assert list(badges) == [("odd", "implausible time"), ("usual", "implausible time")]
