"""The value of a version goes; the version stays, and says so."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from content import redacting
from content.kinds import Key
from content.models import ContentRedaction, ContentRevision
from content.store import open_store
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.models import AuditRecord
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.tables import holding

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_read")]

SECRET = "hunterzwei"
KEY = Key("S-1", "story")
ADA = Origin("user", "ada", "page")
REVISION, REDACTION = ContentRevision._meta.db_table, ContentRedaction._meta.db_table


@pytest.fixture(autouse=True)
def three_versions() -> None:
    store = open_store(Origin("user", "bob", "web"))
    for value in ("first", f"the key is {SECRET}", "third"):
        store.write(*KEY, value)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_value_is_in_no_table_and_the_rest_stays() -> None:
    before = ContentRevision.objects.values("updated_ms", "actor_name", "envelope").get(version=2)
    redacting.redact(KEY, 2, "a key in clear", ADA)
    assert holding(SECRET) == []
    assert ContentRevision.objects.values("updated_ms", "actor_name", "envelope").get(version=2) == before
    item = open_store(ADA).read(*KEY)
    assert item is not None
    assert (item.value, item.version) == ("third", 3)
    assert list(verify()) == []
    record = AuditRecord.objects.get()
    assert (record.act, record.about_id) == ("content.redact", "S-1")


def test_without_its_current_version_the_key_has_no_value_and_goes_on() -> None:
    redacting.redact(KEY, 3, "why", ADA)
    assert open_store(ADA).read(*KEY) is None
    assert open_store(ADA).write(*KEY, "fourth").item.version == 4
    assert list(verify()) == []


def test_a_story_that_a_client_has_with_the_value_is_read_again() -> None:
    open_store(ADA).write("S-1", "gate_output", "other")
    client = Client()
    path = "/v1/content/stories/S-1"
    tag = client.get(path).headers["ETag"]
    redacting.redact(KEY, 3, "why", ADA)
    again = client.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert "third" not in again.content.decode()
    assert client.get(path, headers={"If-None-Match": again.headers["ETag"]}).status_code == 304


def test_a_redacted_counter_starts_again() -> None:
    store = open_store(ADA)
    store.increment("S-1", "abort_respawn_count", 5)
    redacting.redact(Key("S-1", "abort_respawn_count"), 1, "why", ADA)
    assert store.increment("S-1", "abort_respawn_count", 1).value == "1"
    assert list(verify()) == []


def test_why_may_not_repeat_the_value() -> None:
    with pytest.raises(Invalid, match="repeats a text"):
        redacting.redact(KEY, 2, f"because the key is {SECRET}", ADA)
    assert not ContentRedaction.objects.exists()


@pytest.mark.parametrize(
    ("key", "version", "said"),
    [(KEY, 9, "its versions are 1 to 3"), (Key("S-2", "story"), 1, "it was never set"), (KEY, 2, "redacted already")],
)
def test_what_cannot_be_redacted(key: Key, version: int, said: str) -> None:
    redacting.redact(KEY, 2, "why", ADA)
    with pytest.raises(Invalid, match=said):
        redacting.redact(key, version, "why", ADA)


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {REVISION} SET value = NULL WHERE version = 2",
        f"UPDATE {REVISION} SET value = NULL, redacted = '[1]' WHERE version = 2",
        f"UPDATE {REVISION} SET value = 'x'",
        f"""INSERT INTO {REDACTION} (story_id, kind, version, number, recorded_ms, actor_kind, actor_name, source,
            tombstones, digest, envelope) VALUES ('S-1', 'story', 9, 1, 1, '', '', '', '[]', '', '')""",
        f"""INSERT INTO {REDACTION} (story_id, kind, version, number, recorded_ms, actor_kind, actor_name, source,
            tombstones, digest, envelope) VALUES ('S-1', 'story', 2, 2, 1, '', '', '', '[]', '', '')""",
    ],
)
def test_the_database_refuses_all_other_changes(statement: str) -> None:
    before = list(ContentRevision.objects.order_by("id").values_list())
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(statement)
    assert list(ContentRevision.objects.order_by("id").values_list()) == before


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"UPDATE {REVISION} SET value = 'x' WHERE version = 2", "still has its value"),
        (f"UPDATE {REVISION} SET actor_name = 'x' WHERE version = 2", "or its redaction was changed"),
        (f"UPDATE {REVISION} SET redacted = NULL WHERE version = 2", "was not carried out"),
        (f"UPDATE {REDACTION} SET actor_name = 'x'", "or its redaction was changed"),
        (f"UPDATE {REDACTION} SET digest = 'x'", "or its redaction was changed"),
        (f"DELETE FROM {REDACTION}", "there is no redaction of it"),
    ],
)
def test_what_was_forged_is_found(statement: str, said: str) -> None:
    redacting.redact(KEY, 2, "why", ADA)
    with entries_unprotected():
        execute(statement)
    assert any(said in line for line in verify()), list(verify())


def test_the_history_says_so(settings: Any) -> None:
    redacting.redact(KEY, 2, "a key in clear", ADA)
    client = Client()
    client.force_login(User.objects.create_user("ada", is_staff=True))
    page = client.get("/content/history/story/S-1").content.decode()
    assert "The value was redacted: a key in clear" in page
    assert SECRET not in page
    assert 'aria-label="Restore version 2"' not in page
    assert client.get("/content/stories/S-1").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_command(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    open_store(ADA).write("S-2", "story", f"the key is {SECRET}")
    command = ("redact", "--content", *KEY, "--version", "2", "--why", "a key in clear")
    out = io.StringIO()
    with pytest.raises(SystemExit):  # S-2 has it, too
        call_command(*command, stdout=out, stderr=io.StringIO())
    assert "version 2 of story of S-1: redacted" in out.getvalue()
    assert "story of S-2, version 1" in out.getvalue()
    again = io.StringIO()
    with pytest.raises(SystemExit):
        call_command(*command, stdout=again, stderr=io.StringIO())
    assert "was redacted already" in again.getvalue()
    assert "other places can no longer be searched for it" in again.getvalue()
    with pytest.raises(CommandError, match="--field: belongs to an entry"):
        call_command(*command, "--field", "intent")
