"""The fingerprint of the schema, and what is refused on a database whose schema is another one."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from content.store import open_store as open_content
from enhancelog import __version__
from enhancelog.apps import install
from enhancelog.backends import dialect, schema
from enhancelog.backends.schema import State
from enhancelog.domain import releases
from enhancelog.domain.errors import Other, WrongSchema
from enhancelog.domain.origin import Origin
from enhancelog.maintenance import upgrade
from enhancelog.models import Entry, EntryBadge
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
    def described(sources: dict[str, bytes], statements: str) -> schema.Schema:
        return schema.describe(sources, {"triggers of one": statements}, {"rules": "1"})

    before = described(ONE, "CREATE TRIGGER")
    assert described(dict(reversed(ONE.items())), "CREATE TRIGGER") == before
    assert described(sources, statements).fingerprint != before.fingerprint


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
    parts = "\n".join(dialect().schema_parts().values())
    assert all(name in parts for name in triggers)


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


# The database of a newer release


def migrated_by(release: str, write_from: str, changed: dict[str, str], *, migration: bool = True) -> schema.Found:
    """What this release finds in a database that another one has migrated, with these further or other parts."""
    parts = {**schema.expected().migrations, **schema.expected().parts, **changed}
    record = json.dumps({**parts, "may be written from": write_from})
    with connection.cursor() as cursor:
        if migration:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('content', '9999_future', %s)",
                [timezone.now()],
            )
        cursor.execute(
            "UPDATE enhancelog_schema SET fingerprint = %s, migrated_by = %s, migrations = %s",
            [hashlib.sha256(record.encode()).hexdigest(), release, record],
        )
        return schema.inspect(cursor)


@pytest.mark.django_db
@pytest.mark.parametrize("migration", [True, False])
def test_this_release_goes_on_where_a_newer_one_allows_it(migration: bool) -> None:
    further = {"content.9999_future": "0" * 64, "triggers of a further table": "1", "a further rule": "1"}
    found = migrated_by("0.2.0", __version__, further, migration=migration)
    assert found == schema.Found(State.AHEAD, "", "0.2.0", __version__)
    open_store(ME).append(make_entry(issue_id="one"))
    open_content(ME).write("one", "story", "text")
    with CaptureQueriesContext(connection) as captured:
        open_store(ME).append(make_entry(issue_id="two"))
    assert len([query for query in captured if "enhancelog_schema" in query["sql"]]) == 1
    call_command("verify_log")
    before = recorded()
    call_command("migrate")
    assert upgrade.migrate() is None
    assert recorded() == before


@pytest.mark.django_db
def test_this_release_redacts_nothing_where_a_newer_one_may_have_further_tables(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path  # in which no other test has left a copy
    open_store(ME).append(make_entry(issue_id="one"))
    open_content(ME).write("one", "story", "text")
    migrated_by("0.2.0", __version__, {"content.9999_future": "0" * 64})
    refused = "release 0.2.0 has upgraded the database; redact with that release"
    with pytest.raises(CommandError, match=refused) as of_entry:
        call_command("redact", "one", "--field", "intent", "--why", "a key")
    with pytest.raises(CommandError, match=refused):
        call_command("redact", "--content", "one", "story", "--version", "1", "--why", "a key")
    assert of_entry.value.returncode == 2
    client.force_login(User.objects.create_superuser("boss"))
    page = client.post("/redactions/entries/one", {"field": ["intent"], "why": "a key", "sure": "on"})
    assert page.status_code == 503
    assert Entry.objects.filter(redacted__isnull=True).count() == 1
    call_command("redact", "one", "--field", "intent", "--why", "a key", "--dry-run", "--no-erase")


def recorded() -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM enhancelog_schema")
        return cursor.fetchone()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("release", "write_from", "changed", "reason"),
    [
        ("0.2.0", "0.2.0", {}, "it has content.9999_future, which allows releases from 0.2.0 on"),
        ("0.2.0", "", {}, "it has content.9999_future"),
        (__version__, __version__, {}, "it has content.9999_future"),  # another state of development
        ("0.2.0", __version__, {"search index": "another"}, "it has content.9999_future"),
        ("0.2.0", __version__, {"triggers of enhancelog_entry": "others"}, "it has content.9999_future"),
        ("0.2.0", __version__, {"rules of badges": "others"}, "it has content.9999_future"),
        ("0.2.0", __version__, {"rules of deny patterns": "others"}, "it has content.9999_future"),
        ("0.2.0", __version__, {"enhancelog.0001_initial": "another"}, "it has content.9999_future"),
    ],
)
def test_this_release_stops_where_a_newer_one_does_not_allow_it(
    release: str, write_from: str, changed: dict[str, str], reason: str
) -> None:
    found = migrated_by(release, write_from, changed)
    assert found.state is State.NEWER
    assert reason in found.reason
    with pytest.raises(WrongSchema, match="newer release"):
        open_store(ME).append(make_entry(issue_id="one"))


@pytest.mark.django_db
def test_a_newer_release_that_changed_a_rule_alone_is_not_undone() -> None:
    found = migrated_by("0.2.0", __version__, {"rules of badges": "others"}, migration=False)
    assert found.state is State.NEWER
    assert "other triggers or rules" in found.reason
    with pytest.raises(CommandError, match="newer release"):
        call_command("migrate")


@pytest.mark.parametrize(
    ("further", "changed", "declared", "write_from"),
    [
        ({}, {}, {}, "0.1.0"),
        ({"enhancelog.0002_more": "2"}, {}, {}, "0.3.0"),
        ({"enhancelog.0002_more": "2"}, {}, {"enhancelog.0002_more": "0.1.0"}, "0.1.0"),
        ({"enhancelog.0002_more": "2"}, {}, {"enhancelog.0002_more": "0.2.0"}, "0.2.0"),
        ({"enhancelog.0002_more": "2", "content.0002_too": "2"}, {}, {"enhancelog.0002_more": "0.1.0"}, "0.3.0"),
        ({"axes.0100_theirs": ""}, {}, {}, "0.3.0"),
        ({"triggers of more": "1"}, {}, {}, "0.1.0"),
        ({}, {"triggers of one": "2"}, {}, "0.3.0"),
    ],
)
def test_the_oldest_release_that_may_write_follows_from_what_is_new(
    monkeypatch: pytest.MonkeyPatch,
    further: dict[str, str],
    changed: dict[str, str],
    declared: dict[str, str],
    write_from: str,
) -> None:
    monkeypatch.setattr(schema, "__version__", "0.3.0")
    monkeypatch.setattr(schema, "_declared", lambda: declared)
    parts = {"enhancelog.0001_initial": "1", "triggers of one": "1"}
    before = schema._Record("some", "0.1.0", parts, "0.1.0")
    assert schema._write_from(before, {**parts, **further, **changed}) == write_from


@pytest.mark.once
def test_every_migration_that_allows_older_releases_names_one() -> None:
    for release in (*schema._declared().values(), *schema.WRITE_FROM_OF_OTHERS.values()):
        assert releases.order(release) <= releases.order(__version__)


@pytest.fixture
def other_badges(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From here on a release under whose rules every entry has one badge."""
    monkeypatch.setattr(schema, "RULES", {"rules of badges": "another"})
    monkeypatch.setattr(entry_badges, "badges", lambda entry, recorded_ms, source: ("implausible time",))
    schema.expected.cache_clear()
    monkeypatch.setattr(schema, "_seen", None)
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
