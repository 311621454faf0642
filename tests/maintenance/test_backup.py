"""``backup`` copies whole databases privately, never over something, and knows PostgreSQL's own tool."""

import shlex
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, connections
from psycopg.conninfo import conninfo_to_dict
from pytest_django import Settings

from enhancelog import backends
from enhancelog.backends import dialect
from enhancelog.backends.copies import BadCopy
from enhancelog.backends.postgresql import tools
from enhancelog.maintenance import backup, manifests
from tests.maintenance.places import with_tools

on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a copy is SQLite's way")


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("backup", *arguments, stdout=output)
    return output.getvalue().strip()


@pytest.fixture(autouse=True)
def own_data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@on_sqlite
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_backup_holds_what_was_committed_in_one_private_file(tmp_path: Path) -> None:
    get_user_model().objects.create_user("ada")
    target = tmp_path / "copy.sqlite3"
    assert run(str(target)) == str(target)
    assert target.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as copy:
        assert copy.execute("SELECT username FROM auth_user").fetchall() == [("ada",)]
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0] >= 3
    # The data folder is there, too.
    assert {path.name for path in tmp_path.iterdir()} == {"copy.sqlite3", "copy.sqlite3.json", "last_copy"}


@on_sqlite
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_name_that_is_not_utf_8_is_printed_escaped(tmp_path: Path) -> None:
    assert run(str(tmp_path / "copy\udcff")) == f"{tmp_path}/copy\\udcff"
    assert (tmp_path / "last_copy").read_bytes() == bytes(tmp_path) + b"/copy\xff\n"


@on_sqlite
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_backup_without_a_name_goes_to_the_data_folder(tmp_path: Path) -> None:
    made = Path(run())
    assert made.parent == tmp_path / "backups"
    assert made.parent.stat().st_mode & 0o777 == 0o700
    assert made.exists()


@on_sqlite
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_backup_never_overwrites(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    with pytest.raises(CommandError, match="exists") as refusal:
        run(str(target))
    assert refusal.value.returncode == 2
    assert target.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [target]


@on_sqlite
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_failed_backup_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, part: Path, goes_on: object) -> None:
        part.write_text("half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(dialect().copies), "write", full)
    with pytest.raises(CommandError, match="No space left"):
        run(str(tmp_path / "copy"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_backup_that_cannot_be_named_leaves_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "publish", full)
    with pytest.raises(CommandError, match="No space left"):
        run(str(tmp_path / "copy"))
    assert list(tmp_path.iterdir()) == []


@on_sqlite
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_backup_into_a_file_for_a_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot write"):
        run(str(tmp_path / "file" / "copy"))


@pytest.mark.django_db(transaction=True)
def test_a_folder_that_is_not_there_may_be_a_disk_that_is_not_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_tools(monkeypatch)
    with pytest.raises(CommandError, match=r"mount its disk, or run: mkdir -p .*/safe$") as refusal:
        run(str(tmp_path / "safe" / "copy"))
    assert refusal.value.returncode == 2
    assert list(tmp_path.iterdir()) == []
    assert Path(run(str(tmp_path / "backups" / "copy"))).exists()


@pytest.mark.django_db(transaction=True)
def test_a_manifest_never_replaces_a_file_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_tools(monkeypatch)
    notes = tmp_path / "copy.json"
    notes.write_text("notes")
    with pytest.raises(CommandError, match="is not the manifest of a copy"):
        run(str(tmp_path / "copy"))
    assert [path.name for path in tmp_path.iterdir()] == ["copy.json"]
    assert notes.read_text() == "notes"


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_backup_has_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_tools(monkeypatch)
    names = (".copy.1.enhancelog-part", ".copy.1.enhancelog-part-journal", ".copy.json.1.enhancelog-part")
    left = [tmp_path / name for name in names]
    others = [tmp_path / ".copy.part", tmp_path / "mine.enhancelog-part"]
    for path in (*left, *others):
        path.write_text("half of it")
    run(str(tmp_path / "copy"))
    assert [path for path in left if path.exists()] == []
    assert [path for path in others if not path.exists()] == []
    assert manifests.read(tmp_path / "copy") is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL has pg_dump")
def test_without_pg_dump_the_line_to_run_is_printed_without_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "PLACES", ())
    connection.ensure_connection()
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "hunter2")
    with pytest.raises(CommandError, match=r"pg_dump .* or newer is needed, and it is not installed") as refusal:
        run()
    assert refusal.value.returncode == 2
    line = str(refusal.value).partition("run this where they are: ")[2]
    program, *options = shlex.split(line)
    assert program == "pg_dump"
    assert "--format=custom" in options
    assert options[-1].startswith("--dbname=")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.database
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL has pg_dump")
def test_options_of_the_url_reach_pg_dump_and_the_password_its_environment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "postgresql://log:hunter2@db.example.org:5433/the%20log?sslmode=verify-full&target_session_attrs=read-write"
    monkeypatch.setattr(connections["default"], "settings_dict", backends.from_url(url, Path("/nowhere")))
    assert conninfo_to_dict(tools.address()) == {
        "user": "log",
        "host": "db.example.org",
        "port": "5433",
        "dbname": "the log",
        "sslmode": "verify-full",
        "target_session_attrs": "read-write",
    }
    assert tools.environment()["PGPASSWORD"] == "hunter2"


def programs(folder: Path, *versions: int) -> list[str]:
    for version in versions:
        (folder / str(version)).mkdir()
        (folder / str(version) / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.4'\n")
        (folder / str(version) / "pg_dump").chmod(0o755)
    return [str(folder / "*")]


@pytest.mark.once
@pytest.mark.parametrize(("major", "chosen"), [(13, 14), (14, 14), (15, 17), (17, 17)])
def test_the_oldest_pg_dump_that_suffices_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, major: int, chosen: int
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "PLACES", programs(tmp_path, 14, 17))
    assert tools.find("pg_dump", major) == str(tmp_path / str(chosen) / "pg_dump")
    with pytest.raises(BadCopy, match="pg_dump 18 or newer is needed, and only version 17 is installed"):
        tools.find("pg_dump", 18)


@pytest.mark.once
@pytest.mark.parametrize("option", ["sslpassword", "oauth_client_secret", "scram_client_key"])
def test_no_secret_option_is_on_a_command_line(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.setattr(tools, "_known", lambda: {option, "sslmode"})  # an older libpq knows fewer
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {option: "hunter2", "sslmode": "require"})
    with pytest.raises(BadCopy, match=f"DATABASE_URL has {option}") as refused:
        tools.address()
    assert "hunter2" not in str(refused.value)
