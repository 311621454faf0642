"""``check`` sees what would hurt later, and says what to do."""

import json
import sqlite3
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from enhancelog.maintenance import checks, integrity
from tests import processes
from tests.conftest import entries_unprotected


@pytest.mark.django_db
def test_check_misses_each_trigger_by_name() -> None:
    assert checks.triggers_are_there(databases=["default"]) == []
    with entries_unprotected():
        found = checks.triggers_are_there(databases=["default"])
    assert {message.id for message in found} == {"enhancelog.E001"}
    # Of sixteen tables; three further ones carry out redactions.
    assert len(found) == 16 * {"sqlite": 3, "postgresql": 2}[connection.vendor] + 3
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
    assert "The trigger content_contentrevision_no_delete is missing" in said.stdout
    command = said.stdout.partition("Run: python3 manage.py ")[2].split("\n")[0]
    assert processes.manage(*command.split(), data_dir=tmp_path).returncode == 0
    assert processes.manage("check", "--database", "default", data_dir=tmp_path).returncode == 0


@pytest.mark.django_db
def test_check_prints_each_problem_with_its_fix_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with entries_unprotected(), pytest.raises(SystemExit) as ended:
        call_command("check")
    assert ended.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("error: The trigger enhancelog_entry"))
    assert lines[first + 1 : first + 3] == [f"    {integrity.REPAIR}", "    See docs/operations.md#verifying"]


@pytest.mark.django_db
def test_check_gives_the_whole_status_to_scripts(
    capsys: pytest.CaptureFixture[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL, settings.PUBLIC_READ = "http://127.0.0.1:8000", False
    monkeypatch.setattr("enhancelog.maintenance.problems._FINDERS", ())
    call_command("check", "--format", "json")
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert found["positions"]["log"] == 0


@pytest.mark.once
def test_check_does_not_create_the_database_that_is_missing(tmp_path: Path) -> None:
    done = processes.manage("check", data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "error: There is no database yet." in done.stdout
    assert not (tmp_path / "enhancelog.sqlite3").exists()


@pytest.mark.once
def test_a_backup_elsewhere_counts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert (
        processes.manage("import_log", str(processes.ROOT / "tests/samples/synthetic.ndjson"), data_dir=data).returncode
        == 0
    )
    assert "There is no backup of the database." in processes.manage("check", data_dir=data).stdout
    assert processes.manage("backup", str(tmp_path / "elsewhere.sqlite3"), data_dir=data).returncode == 0
    assert "backup" not in processes.manage("check", data_dir=data).stdout


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
