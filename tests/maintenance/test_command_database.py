"""Every command on a folder without a database, and on the database of a newer release."""

import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import connection

from enhancelog.backends import schema
from enhancelog.domain import records
from enhancelog.domain.errors import WrongSchema
from enhancelog.management.database import prepare_for
from tests.factories import make_entry
from tests.maintenance.places import with_tools
from tests.processes import RECORDED_HOST, free_port, manage

OURS = sorted(name for name, app in get_commands().items() if app in schema.APPS)
WITHOUT_DATABASE = ["check", "restore", "write_openapi"]
REFUSED_ALWAYS = ["flush"]
NEED_ONE = [
    *("backup", "evidence_key", "export_content", "export_log", "export_triage", "rebuild_projections", "redact"),
    *("sources", "verify_log"),
]
DJANGOS = [
    "changepassword",
    "createsuperuser",
    "dbshell",
    "dumpdata",
    "loaddata",
    "shell",
    "axes_reset",
]


def arguments(command: str, folder: Path) -> list[str]:
    """What it needs to get as far as the database. A command that is not here fails the tests."""
    log, content, triage = folder / "log.ndjson", folder / "content.json", folder / "triage.json"
    if not log.exists():
        log.write_bytes(records.encode(make_entry()))
        content.write_text('{"STORY-1": "text"}')
        triage.write_text('{"format": "enhancelog-triage", "version": 1}')
    given: dict[str, list[str]] = {
        "backup": [],
        "evidence_key": [],
        "create_token": ["ci", "--scope", "log:read"],
        "export_content": [],
        "export_log": [],
        "export_triage": [],
        "flush": ["--no-input"],
        "follow_log": [f"http://127.0.0.1:{free_port()}", "--once"],
        "import_content": [str(content)],
        "import_host": ["--settings", str(RECORDED_HOST / "setting.db")],
        "import_log": [str(log)],
        "import_triage": [str(triage)],
        "migrate": [],
        "rebuild_projections": [],
        "redact": ["h-1", "--field", "intent", "--why", "a key in clear"],
        "sources": [],
        "serve": ["--bind", f"127.0.0.1:{free_port()}"],
        "verify_log": [],
        "write_openapi": [],
    }
    return given[command]


@pytest.mark.django_db
@pytest.mark.parametrize("command", [name for name in OURS if name not in WITHOUT_DATABASE])
def test_every_command_refuses_the_database_of_a_newer_release(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ENHANCELOG_URL", "ENHANCELOG_WORKERS"):  # which serve sets
        monkeypatch.setenv(name, os.environ.get(name, ""))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('enhancelog', '9999_future', CURRENT_TIMESTAMP)"
        )
    with_tools(monkeypatch)
    with pytest.raises(CommandError) as refused:
        call_command(command, *arguments(command, tmp_path))
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    if command not in REFUSED_ALWAYS:
        assert "newer release (it has enhancelog.9999_future)" in str(refused.value)


@pytest.mark.django_db
@pytest.mark.parametrize("command", DJANGOS)
def test_commands_of_django_refuse_it_too(command: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('enhancelog', '9999_future', CURRENT_TIMESTAMP)"
        )
    with pytest.raises(WrongSchema, match="newer release"):
        prepare_for(command, print)


@pytest.mark.parametrize("command", ["check", "makemigrations", "collectstatic", "nonsense", "write_openapi"])
def test_commands_that_use_no_table_are_let_through(command: str) -> None:
    prepare_for(command, print)  # without a database to ask


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(name, marks=[] if name in ("export_log", "dumpdata") else pytest.mark.heavy)
        for name in (*NEED_ONE, "dbshell", "dumpdata", "changepassword")
    ],
)
def test_what_needs_a_database_says_how_to_create_one(command: str, tmp_path: Path) -> None:
    given = arguments(command, tmp_path) if command in OURS else []
    done = manage(command, *given, data_dir=tmp_path / "data")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "there is no database yet; run: python3 manage.py serve" in done.stderr
    assert not (tmp_path / "data" / "enhancelog.sqlite3").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("import_host", 0),
        ("import_log", 0),
        ("migrate", 0),
        pytest.param("create_token", 0, marks=pytest.mark.heavy),
        pytest.param("follow_log", 2, marks=pytest.mark.heavy),
        pytest.param("import_content", 0, marks=pytest.mark.heavy),
    ],
)
def test_what_writes_creates_the_database(command: str, code: int, tmp_path: Path) -> None:
    done = manage(command, *arguments(command, tmp_path), data_dir=tmp_path / "data")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "data" / "enhancelog.sqlite3").stat().st_mode & 0o077 == 0
    assert manage("verify_log", data_dir=tmp_path / "data").returncode == 0


def test_every_command_is_told_apart() -> None:
    imports = ["import_content", "import_host", "import_log", "import_triage"]
    created = ["create_token", "follow_log", *imports, "migrate", "serve"]
    assert sorted([*WITHOUT_DATABASE, *REFUSED_ALWAYS, *NEED_ONE, *created]) == OURS


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        ["migrate", "enhancelog", "zero"],
        ["migrate", "auth", "zero"],
        ["migrate", "content", "zero", "--fake"],
        ["flush"],
    ],
    ids=" ".join,
)
def test_nothing_drops_the_log(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"would (drop|delete) the log") as refused:
        call_command(*arguments, verbosity=0, interactive=False)
    assert refused.value.returncode == 2
    with connection.cursor() as cursor:
        assert schema.inspect(cursor).state is schema.State.CURRENT


@pytest.mark.slow
def test_an_error_of_djangos_own_command_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    assert manage("migrate", data_dir=tmp_path).returncode == 0
    done = manage("changepassword", "nobody", data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (2, "manage.py: user 'nobody' does not exist\n")


@pytest.mark.slow
def test_a_prompt_without_an_answer_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    assert manage("create_token", "ci", "--scope", "log:read", data_dir=tmp_path).returncode == 0  # creates admin
    done = manage("changepassword", "admin", data_dir=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("manage.py: standard input ended at a prompt; run this in a terminal\n")
    assert "Traceback" not in done.stderr
