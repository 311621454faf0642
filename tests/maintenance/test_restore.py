"""``restore`` brings back what ``backup`` copied, into an empty place or beside the database, and refuses the rest."""

import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from enhancelog.backends import CHECK_LOCK_KEY, dialect, schema
from enhancelog.backends.schema import State
from enhancelog.domain.installation import Space
from enhancelog.evidence import checkpoints
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.maintenance import disk_use, evidence_keys, manifests
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Entry
from enhancelog.store import evidence
from tests.conftest import entries_unprotected
from tests.maintenance.places import empty_place, fill, run, with_tools

pytestmark = pytest.mark.django_db(transaction=True)

on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about files")
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="about databases of a server")


@pytest.fixture(autouse=True)
def own_data_folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    with_tools(monkeypatch)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Of a log with two entries."""
    fill(tmp_path, "one", "two")
    return copied(tmp_path)


def copied(tmp_path: Path) -> Path:
    return Path(run("backup", str(tmp_path / f"copy{dialect().copies.ending}")).strip())


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run("restore", *arguments)
    assert refused.value.returncode == 2
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def is_verified(entries: int, said: str) -> bool:
    return re.search(f"verified {entries} entr(y|ies).*: no problems found", said) is not None


def everything(tmp_path: Path) -> set[str]:
    """What a restore could leave behind: files, and databases of the server."""
    beside = [Path(connection.settings_dict["NAME"]).parent] if connection.vendor == "sqlite" else []
    found = {str(path) for folder in (tmp_path, *beside) if folder.exists() for path in folder.rglob("*")}
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname NOT LIKE 'server%%'")
            found |= {name for (name,) in cursor.fetchall()}
    return {name for name in found if not name.endswith(("serve.lock", "-wal", "-shm"))}


def test_a_restored_database_is_whole_and_goes_on(tmp_path: Path, copy: Path) -> None:
    with empty_place(tmp_path):
        said = run("restore", str(copy))
        assert "its SHA-256 is right" in said
        assert "log to position 2," in said
        assert is_verified(2, said)
        assert "was restored to" in said.splitlines()[-1]
        with connection.cursor() as cursor:
            assert schema.inspect(cursor).state is State.CURRENT
            assert dialect().missing_triggers(cursor) == []
        fill(tmp_path, "three")
        assert list(Entry.objects.order_by("position").values_list("issue_id", flat=True)) == ["one", "two", "three"]
        assert is_verified(3, run("verify_log"))


def test_a_check_verifies_and_leaves_nothing(tmp_path: Path, copy: Path) -> None:
    fill(tmp_path, "written later")
    before = everything(tmp_path)
    said = run("restore", str(copy), "--check")
    assert is_verified(2, said)
    assert said.endswith("can be restored; nothing was kept or changed\n")
    assert everything(tmp_path) == before
    assert Entry.objects.count() == 3


@pytest.mark.parametrize("is_check", [True, False])
def test_an_interruption_says_what_is_left(
    tmp_path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, is_check: bool
) -> None:
    def interrupt(*arguments: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("enhancelog.management.commands.restore.verify", interrupt)
    output = StringIO()
    with empty_place(tmp_path), pytest.raises(SystemExit) as ended:
        call_command("restore", str(copy), *["--check"][: int(is_check)], stdout=output, stderr=output)
    assert ended.value.code == 130
    said = output.getvalue().splitlines()[-1]
    assert said.startswith(
        "Interrupted. The copy was not verified" if is_check else "Interrupted. SQLite has no database"
    )


def test_a_manifest_says_what_is_in_the_copy_and_what_is_not(copy: Path) -> None:
    path = manifests.beside(copy)
    assert path.name == f"{copy.name}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    said = json.loads(path.read_text())
    assert (said["product"], said["made_by"], said["extent"]["log"]) == ("enhancelog", "backup", 2)
    assert said["bytes"] == copy.stat().st_size
    assert said["schema"] == schema.expected().fingerprint
    assert {"secret_key", "quarantine/"} <= said["does_not_contain"].keys()


def signed() -> Checkpoint:
    while evidence.step(evidence_keys.for_signing()):
        pass
    found = evidence.stored()
    assert found is not None
    return found.checkpoint


def test_a_manifest_has_the_last_checkpoint_of_the_copy(tmp_path: Path) -> None:
    fill(tmp_path, "one", "two")
    known = signed()
    fill(tmp_path, "three")  # not signed yet
    said = json.loads(manifests.beside(copied(tmp_path)).read_text())
    opened = checkpoints.open_signed(said["checkpoint"].encode(), evidence_keys.verifiers())
    assert (opened.checkpoint, known.size, said["extent"]["log"]) == (known, 2, 3)
    assert "evidence_key" in said["does_not_contain"]


def test_a_restored_log_is_signed_further_with_the_same_key(tmp_path: Path) -> None:
    fill(tmp_path, "one", "two")
    known = signed()
    copy = copied(tmp_path)
    fill(tmp_path, "lost")
    assert signed().size == 3
    with empty_place(tmp_path):
        said = run("restore", str(copy))
        assert f"its last checkpoint is of the log {known.origin} with 2 entries" in said
        assert "whoever knows a later checkpoint will report that the log has shrunk or forked" in said
        assert "no checkpoint can be signed here" not in said
        fill(tmp_path, "another")
        assert (signed().origin, signed().size) == (known.origin, 3)


def test_a_restore_without_the_key_works_and_says_what_to_do(tmp_path: Path) -> None:
    fill(tmp_path, "one")
    known = signed()
    copy = copied(tmp_path)
    evidence_keys.path().unlink()
    with empty_place(tmp_path):
        said = run("restore", str(copy))
        assert f"no checkpoint can be signed here: the key of the log {known.origin} is not here" in said
        assert "evidence_key --replace if it is lost" in said
        assert is_verified(1, said)
        run("evidence_key", "--replace")
        fill(tmp_path, "two")
        assert signed().size == 2


def findings(copy: Path) -> str:
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("restore", str(copy), "--check", stdout=output, stderr=output)
    assert ended.value.code == 1
    return output.getvalue()


def test_a_manifest_with_another_checkpoint_is_a_finding(tmp_path: Path) -> None:
    fill(tmp_path, "one")
    signed()
    copy = copied(tmp_path)
    said_by_manifest(checkpoint="another")(copy)
    assert "its last checkpoint is not the one in its manifest" in findings(copy)


def test_a_copy_whose_checkpoint_was_forged_is_a_finding(tmp_path: Path) -> None:
    fill(tmp_path, "one")
    known = signed()
    row = CheckpointModel.objects.get(pk=1)
    CheckpointModel.objects.filter(pk=1).update(note=row.note.replace(f"{known.origin}\n1\n", f"{known.origin}\n2\n"))
    assert "was not signed by the key that it names" in findings(copied(tmp_path))


@on_sqlite
def test_a_copy_is_made_of_a_checkpoint_that_is_no_text(tmp_path: Path) -> None:
    fill(tmp_path, "one")
    signed()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE enhancelog_checkpoint SET note = CAST(x'ff0a' AS TEXT)")
    assert "its last checkpoint is damaged" in findings(copied(tmp_path))


def test_a_manifest_from_before_the_evidence_is_read(copy: Path) -> None:
    path = manifests.beside(copy)
    said = json.loads(path.read_text())
    assert said.pop("checkpoint") == ""  # nothing was signed
    path.write_text(json.dumps(said))
    assert "its SHA-256 is right" in run("restore", str(copy), "--check")


def test_a_copy_without_manifest_is_accepted_with_a_note(copy: Path) -> None:
    manifests.beside(copy).unlink()
    said = run("restore", str(copy), "--check")
    assert "has no manifest" in said
    assert "no problems found" in said


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ({"extent": {"log": 999_999, "content": 0, "audit": 0}}, 'log is "2", and its manifest says "999999"'),
        ({"extent": {"log": 2, "content": 7, "audit": 0}}, 'revision of content is "0", and its manifest says "7"'),
        ({"extent": {"log": 2, "content": 0, "audit": 9}}, 'act of the audit is "0", and its manifest says "9"'),
        ({"database": "\x1b[2J"}, r'and its manifest says "\x1b[2J"'),
        ({"migrated_by": "9.0"}, 'and its manifest says "9.0"'),
        ({"schema": "0" * 64}, f'and its manifest says "{"0" * 64}"'),
    ],
)
def test_a_manifest_that_says_what_is_not_so_is_a_finding(copy: Path, said: dict[str, Any], finding: str) -> None:
    said_by_manifest(**said)(copy)
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("restore", str(copy), "--check", stdout=output, stderr=output)
    assert ended.value.code == 1
    assert finding in output.getvalue()
    assert "log to position 2, content to revision 0" in output.getvalue()
    assert "can be restored; nothing was kept or changed, but see the findings above" in output.getvalue()


def test_nothing_is_restored_over_a_database(tmp_path: Path, copy: Path) -> None:
    before = everything(tmp_path)
    assert "there is a database already" in (said := refusal(str(copy))) or "is not empty" in said
    assert everything(tmp_path) == before


def cut(copy: Path) -> None:
    os.truncate(copy, copy.stat().st_size - 5000)


def cut_without_manifest(copy: Path) -> None:
    manifests.beside(copy).unlink()
    os.truncate(copy, copy.stat().st_size // 2)


def cut_to_the_header(copy: Path) -> None:
    manifests.beside(copy).unlink()
    os.truncate(copy, 20)


def flip(copy: Path) -> None:
    with open(copy, "r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))


def empty(copy: Path) -> None:
    copy.write_bytes(b"")


def random_bytes(copy: Path) -> None:
    copy.write_bytes(bytes(range(1, 256)) * 100)


def behead(copy: Path) -> None:
    manifests.beside(copy).unlink()
    copy.write_bytes(copy.read_bytes()[:16] + b"\0\1\2" * 10_000)


def said_by_manifest(**changed: Any) -> Callable[[Path], None]:
    def change(copy: Path) -> None:
        path = manifests.beside(copy)
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return change


def of_the_other_database(copy: Path) -> None:
    manifests.beside(copy).unlink()
    copy.write_bytes({"sqlite": b"PGDMP", "postgresql": b"SQLite format 3\0"}[connection.vendor] + bytes(1000))


def no_manifest_but_text(copy: Path) -> None:
    manifests.beside(copy).write_text("notes")


def manifest_of(content: bytes) -> Callable[[Path], None]:
    def change(copy: Path) -> None:
        manifests.beside(copy).write_bytes(content)

    return change


def flip_in_manifest(copy: Path) -> None:
    path = manifests.beside(copy)
    path.write_bytes(path.read_bytes().replace(b"the log", b"th\xe5 log"))


def manifest_is_a_folder(copy: Path) -> None:
    manifests.beside(copy).unlink()
    manifests.beside(copy).mkdir()


def manifest_is_a_pipe(copy: Path) -> None:
    manifests.beside(copy).unlink()
    os.mkfifo(manifests.beside(copy))


def is_a_pipe(copy: Path) -> None:
    copy.unlink()
    os.mkfifo(copy)


def is_a_device(copy: Path) -> None:
    copy.unlink()
    copy.symlink_to("/dev/zero")


def is_a_folder(copy: Path) -> None:
    copy.unlink()
    copy.mkdir()


def gone(copy: Path) -> None:
    copy.unlink()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (cut, "is cut short"),
        (cut_without_manifest, r"is cut short|end of file"),
        (cut_to_the_header, r"is cut short|end of file|cannot be restored"),
        (flip, "is damaged: its SHA-256"),
        (empty, "is empty"),
        (random_bytes, "is neither a copy of a SQLite database nor a dump"),
        (behead, r"is damaged|is cut short|cannot be restored, and nothing was"),
        (of_the_other_database, "is a copy of a .* database, but DATABASE_URL names"),
        (said_by_manifest(product="other"), 'is of another product \\("other"\\)'),
        (said_by_manifest(product="\x1b[2J"), r'is of another product \("\\x1b\[2J"\)'),
        (said_by_manifest(format=99, release="9.0"), "is from a newer release"),
        (said_by_manifest(extent=None), "is not the manifest of a copy"),
        (no_manifest_but_text, "is not the manifest of a copy"),
        (flip_in_manifest, "is not the manifest of a copy: is not UTF-8 at byte"),
        (manifest_of(b'{"x":' + b"[" * 100_000), "is not the manifest of a copy: x: is nested deeper"),
        (manifest_of(b" " * manifests.LONGEST + b"{}"), "is not the manifest of a copy: it is larger than"),
        (manifest_of(b'{"product": NaN}'), "is not the manifest of a copy: product: contains NaN"),
        (manifest_of(b"[]"), "is not the manifest of a copy: Expected `object`"),
        (manifest_of(b""), "is not the manifest of a copy: is not JSON"),
        (said_by_manifest(bytes=10**30), r"is not the manifest of a copy: Expected `int` <= .* at `\$.bytes`"),
        (said_by_manifest(made="x" * 10_000), r"is not the manifest of a copy: .* at `\$.made`"),
        (manifest_is_a_folder, r"\.json is a folder, not a file"),
        (manifest_is_a_pipe, r"\.json is a pipe or a device, not a file"),
        (is_a_pipe, "is a pipe or a device, not a file"),
        (is_a_device, "is a pipe or a device, not a file"),
        (is_a_folder, "is a folder, not a file"),
        (gone, "No such file"),
    ],
)
def test_what_is_no_good_copy_is_refused_in_one_line(
    tmp_path: Path, copy: Path, harm: Callable[[Path], None], reason: str
) -> None:
    harm(copy)
    before = everything(tmp_path)
    assert re.search(reason, refusal(str(copy), "--check"))
    assert everything(tmp_path) == before
    with empty_place(tmp_path):
        assert re.search(reason, refusal(str(copy)))
        assert schema.look().state is State.EMPTY
    assert everything(tmp_path) - {str(tmp_path / "empty place")} == before


def test_a_trigger_of_somebody_else_in_a_copy_is_a_finding(tmp_path: Path) -> None:
    call = {
        "sqlite": "BEGIN SELECT 1; END",
        "postgresql": "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    }[connection.vendor]
    with empty_place(tmp_path):
        run("migrate")
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TRIGGER odd BEFORE UPDATE ON auth_user {call}")
        copy = copied(tmp_path)
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("restore", str(copy), "--check", stdout=output, stderr=output)
    assert ended.value.code == 1
    assert "the trigger odd on auth_user is none of Enhancelog's" in output.getvalue()


def test_the_copy_of_another_program_is_refused(tmp_path: Path) -> None:
    if connection.vendor == "sqlite":
        other = tmp_path / "other.sqlite3"
        with closing(sqlite3.connect(other)) as opened:
            opened.execute("CREATE TABLE songs (title text)")
    else:
        with empty_place(tmp_path):
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE songs (title text)")
            other = tmp_path / "other.dump"
            dialect().copies.write(other, lambda: None)
    assert "of another program, not a copy of Enhancelog's" in refusal(str(other), "--check")


def test_the_copy_of_a_newer_release_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    with empty_place(tmp_path):
        run("migrate")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied)"
                " VALUES ('enhancelog', '9999_future', CURRENT_TIMESTAMP)"
            )
            cursor.execute("SELECT migrations FROM enhancelog_schema")
            recorded = json.loads(cursor.fetchone()[0]) | {"enhancelog.9999_future": "0" * 64}
            cursor.execute("UPDATE enhancelog_schema SET migrations = %s", [json.dumps(recorded)])
            # ``backup`` refuses what it does not know.
        copy = tmp_path / f"newer{dialect().copies.ending}"
        dialect().copies.write(copy, lambda: None)
        connection.close()
    with empty_place(tmp_path / "another"):
        assert "is from a newer release (it has enhancelog.9999_future)" in refusal(str(copy))
        assert schema.look().state is State.EMPTY


@pytest.mark.parametrize("migrations", ["no JSON", "[]", "null", '{"triggers": 1}', "[" * 100_000])
def test_a_copy_that_does_not_say_which_release_made_it_is_damaged(tmp_path: Path, migrations: str) -> None:
    with empty_place(tmp_path):
        run("migrate")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE enhancelog_schema SET migrations = %s", [migrations])
        copy = tmp_path / f"odd{dialect().copies.ending}"
        dialect().copies.write(copy, lambda: None)
        connection.close()
    with empty_place(tmp_path / "another"):
        assert "does not say which release made it, so it is damaged" in refusal(str(copy))


def test_the_copy_of_an_earlier_schema_is_upgraded(tmp_path: Path) -> None:
    fill(tmp_path, "one")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE enhancelog_schema SET fingerprint = '', migrated_by = '0.0.9'")
    try:
        copy = copied(tmp_path)
    finally:
        with connection.cursor() as cursor:
            schema.record(cursor)
    with empty_place(tmp_path):
        said = run("restore", str(copy))
        assert "upgraded from release 0.0.9" in said
        assert is_verified(1, said)
        assert schema.look().state is State.CURRENT
    assert not (tmp_path / "data" / "backups").exists()


def test_findings_are_shown_and_the_copy_is_restored_all_the_same(tmp_path: Path) -> None:
    fill(tmp_path, "one")
    with entries_unprotected(), connection.cursor() as cursor:
        cursor.execute("UPDATE enhancelog_entry SET rationale = 'forged'")
    copy = copied(tmp_path)
    with empty_place(tmp_path):
        with pytest.raises(SystemExit) as found:
            run("restore", str(copy))
        assert found.value.code == 1
        assert Entry.objects.get().rationale == "forged"


@on_sqlite
@pytest.mark.once
def test_the_journal_of_a_database_that_is_gone_is_in_the_way(tmp_path: Path, copy: Path) -> None:
    with empty_place(tmp_path):
        place = Path(connection.settings_dict["NAME"])
        Path(f"{place}-wal").write_bytes(b"pages")
        assert "belongs to a database that is gone" in refusal(str(copy))
        assert not place.exists()


@on_sqlite
@pytest.mark.once
def test_a_database_in_use_is_no_copy(copy: Path) -> None:
    Path(f"{copy}-wal").write_bytes(b"pages")
    assert "is a database in use and no copy; copy it with backup" in refusal(str(copy), "--check")


@on_sqlite
@pytest.mark.once
def test_a_check_that_would_fill_the_disk_of_the_server_is_refused(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gib = 1 << 30
    monkeypatch.setattr(disk_use, "space", lambda folder: Space(str(folder), 100 * gib, 10 * gib + 1))
    before = everything(tmp_path)
    assert "too little space: the disk of " in refusal(str(copy), "--check")
    assert everything(tmp_path) == before
    with empty_place(tmp_path):
        run("restore", str(copy))  # where no server runs


@on_postgresql
def test_a_check_needs_the_right_to_create_a_database(copy: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE humble LOGIN")
    usual = connection.settings_dict["USER"]
    connection.close()
    connection.settings_dict["USER"] = "humble"
    try:
        assert "ALTER ROLE humble CREATEDB" in refusal(str(copy), "--check")
    finally:
        connection.close()
        connection.settings_dict["USER"] = usual
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE humble")


@on_postgresql
def test_a_check_removes_what_a_killed_one_has_left(tmp_path: Path, copy: Path) -> None:
    before = everything(tmp_path)
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
        name = f"enhancelog_check_{cursor.fetchone()[0]}"
        cursor.execute(f"CREATE DATABASE {name}")
    run("restore", str(copy), "--check")
    assert everything(tmp_path) == before


@on_postgresql
def test_two_checks_do_not_disturb_each_other(copy: Path) -> None:
    connection.ensure_connection()
    params = connection.get_connection_params()
    with psycopg.connect(dbname=params["dbname"], host=params["host"], user=params["user"]) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [CHECK_LOCK_KEY])
        assert "another restore --check works" in refusal(str(copy), "--check")
