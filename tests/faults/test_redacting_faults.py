"""The command ``redact``: killed anywhere, beside appends, and what is left in the database's files."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, nullcontext
from pathlib import Path

import psycopg
import pytest

from enhancelog.domain import records
from enhancelog.domain.records import Entry
from tests.conftest import DATABASE
from tests.factories import make_rejected
from tests.faults.killed import Killer, points
from tests.postgres import fresh_database
from tests.processes import ROOT, environment, manage

pytestmark = [pytest.mark.database, pytest.mark.slow]

FIELDS = ("intent", "rationale", "detail:leak", "ops", "meta:key")
OPTIONS = (*(word for field in FIELDS for word in ("--field", field)), "--why", "a key in clear")


@pytest.fixture
def database() -> Iterator[dict[str, str]]:
    with fresh_database() if DATABASE == "postgresql" else nullcontext("") as url:
        yield {"DATABASE_URL": url} if url else {}


def secret(number: int) -> str:
    return f"hunter{number:03}zwei"


def entry(number: int) -> Entry:
    text = secret(number)
    return make_rejected(
        "leak",
        issue_id=f"s-{number}",
        intent=f"rotate {text} now",
        rationale=f"The key {text} leaked. " + "And more of the same. " * (200 * (number % 3)),
        detail=f"found {text} in the prompt of writer",
        ops=[{"op": "add", "path": f"/agents/{text}", "value": text}],
        meta={"key": text},
    )


def filled(folder: Path, number: int, database: Mapping[str, str]) -> Path:
    lines = folder / "log.ndjson"
    lines.write_bytes(b"\n".join(records.encode(entry(at)) for at in range(number)))
    done = manage("import_log", str(lines), data_dir=folder / "data", **database)
    assert done.returncode == 0, done.stderr
    lines.unlink()
    return folder / "data"


def rows(data: Path, database: Mapping[str, str]) -> dict[str, str]:
    """Each entry's texts, by its id."""
    sql = "SELECT issue_id, intent || rationale || verdicts || reasons || ops || meta FROM enhancelog_entry"
    if url := database.get("DATABASE_URL"):
        with psycopg.connect(url) as opened:
            return dict(opened.execute(sql).fetchall())
    with closing(sqlite3.connect(data / "enhancelog.sqlite3")) as opened:
        return dict(opened.execute(sql).fetchall())


def in_files(data: Path, text: str) -> list[str]:
    """The files of the data folder that have the text; the database is closed."""
    return [str(path) for path in sorted(data.rglob("*")) if path.is_file() and text.encode() in path.read_bytes()]


def in_tables(url: str, text: str) -> list[str]:
    found = []
    with psycopg.connect(url) as opened:
        tables = opened.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm')").fetchall()
        for (table,) in tables:
            if opened.execute(f"SELECT 1 FROM {table} t WHERE t::text LIKE %s LIMIT 1", [f"%{text}%"]).fetchone():
                found.append(table)
    return found


def assert_is_nowhere(data: Path, database: Mapping[str, str], text: str) -> None:
    if url := database.get("DATABASE_URL"):
        assert in_tables(url, text) == []
    assert in_files(data, text) == []


def test_the_text_is_in_no_file_of_the_database_and_in_no_output(tmp_path: Path, database: dict[str, str]) -> None:
    data = filled(tmp_path, 40, database)
    if DATABASE == "sqlite":
        assert in_files(data, secret(7))
    done = manage("redact", "s-7", *OPTIONS, data_dir=data, **database)
    assert done.returncode == 0, done.stderr + done.stdout
    assert secret(7) not in done.stdout + done.stderr
    assert_is_nowhere(data, database, secret(7))
    assert secret(8) in rows(data, database)["s-8"]
    exported = manage("export_log", "--format", "csv", data_dir=data, **database)
    assert secret(7) not in exported.stdout
    assert secret(8) in exported.stdout
    assert "a key in clear" in exported.stdout
    assert manage("verify_log", data_dir=data, **database).returncode == 0


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_killed_anywhere_it_has_taken_all_or_nothing_and_a_second_run_finishes(
    tmp_path: Path, database: dict[str, str]
) -> None:
    data = filled(tmp_path, 22, database)
    killer = Killer(tmp_path)
    calls = killer.calls("redact", "s-21", *OPTIONS, data_dir=data, **database)
    killed = []
    for number, at in enumerate(points(calls)):
        killed.append(killer.kill(at, "redact", f"s-{number}", *OPTIONS, data_dir=data, **database))
        texts = rows(data, database)
        left = texts[f"s-{number}"].count(secret(number))
        assert left in (0, 7), texts[f"s-{number}"]
        assert secret(number + 1) in texts[f"s-{number + 1}"] or number == 20
        again = manage("redact", f"s-{number}", *OPTIONS, data_dir=data, **database)
        is_unsearched = "can no longer be searched" in again.stdout  # where the first run took the texts out
        assert again.returncode == (1 if is_unsearched else 0), again.stderr + again.stdout
        assert secret(number) not in rows(data, database)[f"s-{number}"]
    assert sum(killed) >= 15
    verified = manage("verify_log", data_dir=data, **database)
    assert verified.returncode == 0, verified.stdout
    for number in range(20):
        assert_is_nowhere(data, database, secret(number))


def test_beside_appends_it_neither_loses_one_nor_is_lost(tmp_path: Path, database: dict[str, str]) -> None:
    data = filled(tmp_path, 3, database)
    lines = tmp_path / "more.ndjson"
    lines.write_bytes(b"\n".join(records.encode(make_rejected("leak", issue_id=f"m-{at}")) for at in range(3_000)))
    command = [sys.executable, str(ROOT / "manage.py"), "import_log", str(lines)]
    with subprocess.Popen(command, env=environment(data, **database), stdout=subprocess.DEVNULL) as appends:
        for number in range(2):
            done = manage("redact", f"s-{number}", *OPTIONS, data_dir=data, **database)
            assert done.returncode == 0, done.stderr
        assert appends.wait(300) == 0
    texts = rows(data, database)
    assert len(texts) == 3_003
    assert not any(secret(number) in (text or "") for text in texts.values() for number in range(2))
    verified = manage("verify_log", data_dir=data, **database)
    assert verified.returncode == 0, verified.stdout


def test_backups_and_quarantined_lines_that_still_have_it_are_named(tmp_path: Path, database: dict[str, str]) -> None:
    data = filled(tmp_path, 2, database)
    (data / "backups").mkdir(exist_ok=True)
    (data / "quarantine").mkdir(exist_ok=True)
    line = json.dumps({"raw": records.encode(entry(1)).decode()})
    (data / "quarantine" / "old.ndjson").write_text(f"{line}\n")
    backup = data / "backups" / ("old.sqlite3" if DATABASE == "sqlite" else "old.dump")
    if DATABASE == "sqlite":
        assert manage("backup", str(backup), data_dir=data).returncode == 0
    else:
        backup.write_bytes(b"PGDMP")
    dry = manage("redact", "s-1", *OPTIONS, "--dry-run", data_dir=data, **database)
    assert dry.returncode == 1
    assert "would redact intent" in dry.stdout
    assert str(backup) in dry.stdout
    assert secret(1) in rows(data, database)["s-1"]
    done = manage("redact", "s-1", *OPTIONS, data_dir=data, **database)
    assert done.returncode == 1
    assert str(backup) in done.stdout
    assert "old.ndjson" in done.stdout
    assert secret(1) not in done.stdout + done.stderr
    if DATABASE == "sqlite":
        assert manage("backup", str(data / "backups" / "new.sqlite3"), data_dir=data).returncode == 0
        again = manage("redact", "s-1", *OPTIONS, data_dir=data)
        assert "new.sqlite3" not in again.stdout
        assert "was redacted already" in again.stdout
