"""``check`` sees what would hurt later, and says what to do."""

import sqlite3
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import connection
from pytest_django import Settings

from enhancelog.maintenance import checks
from tests import processes
from tests.conftest import entries_unprotected


@pytest.mark.django_db
def test_check_misses_each_trigger_by_name() -> None:
    assert checks.triggers_are_there(databases=["default"]) == []
    with entries_unprotected():
        found = checks.triggers_are_there(databases=["default"])
    assert {message.id for message in found} == {"enhancelog.E001"}
    assert len(found) == 9 * {"sqlite": 3, "postgresql": 2}[connection.vendor]  # of nine tables
    assert all(message.hint for message in found)


@pytest.mark.django_db
def test_check_leaves_database_alone_unless_asked() -> None:
    with entries_unprotected():
        assert not [message for message in run_checks() if message.id == "enhancelog.E001"]
        assert [message for message in run_checks(databases=["default"]) if message.id == "enhancelog.E001"]


@pytest.mark.once
def test_the_hint_of_a_missing_trigger_puts_it_back(tmp_path: Path) -> None:
    assert processes.manage("migrate", data_dir=tmp_path).returncode == 0
    with sqlite3.connect(tmp_path / "enhancelog.sqlite3") as database:
        database.execute("DROP TRIGGER content_contentrevision_no_delete")
    database.close()
    said = processes.manage("check", "--database", "default", data_dir=tmp_path)
    assert "The trigger content_contentrevision_no_delete is missing" in said.stderr
    command = said.stderr.partition("HINT: Run: python3 manage.py ")[2].split("\n")[0]
    assert processes.manage(*command.split(), data_dir=tmp_path).returncode == 0
    assert processes.manage("check", "--database", "default", data_dir=tmp_path).returncode == 0


def test_check_sees_folder_that_sqlite_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite only")
    assert checks.sqlite_can_write() == []
    monkeypatch.setitem(connection.settings_dict, "NAME", "/proc/nowhere/log.sqlite3")
    assert [message.id for message in checks.sqlite_can_write()] == ["enhancelog.E002"]


def test_check_warns_of_data_folder_that_others_can_read(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o700)
    assert checks.data_folder_is_private() == []
    tmp_path.chmod(0o750)
    assert [message.id for message in checks.data_folder_is_private()] == ["enhancelog.W001"]


@pytest.mark.parametrize(("public", "expected"), [(False, []), (True, ["enhancelog.W002"])])
def test_deploy_check_warns_of_public_read(settings: Settings, public: bool, expected: list[str]) -> None:
    settings.PUBLIC_READ = public
    assert [message.id for message in checks.reading_needs_sign_in()] == expected
