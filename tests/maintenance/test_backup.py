"""``backup`` copies whole databases privately, never over something, and knows PostgreSQL's own tool."""

import shlex
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from enhancelog.maintenance import backup

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
    assert list(tmp_path.iterdir()) == [target]


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
    def full(part: Path) -> None:
        part.write_text("half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_copy_into", full)
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


@pytest.mark.database
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL has pg_dump")
def test_backup_on_postgresql_prints_the_line_without_password(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"HOST": "db.example.org", "PORT": "5432", "USER": "log", "PASSWORD": "hunter2", "NAME": "the log"}
    for name, value in given.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    words = shlex.split(run())
    assert words[0] == "pg_dump"
    assert words[-1] == "the log"
    assert {"--host=db.example.org", "--port=5432", "--username=log"} < set(words)
    assert "hunter2" not in " ".join(words)
