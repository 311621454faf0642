"""Upgrades that fail or are killed, and upgrades under a running server, on both databases."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from enhancelog import __version__
from enhancelog.domain import records
from tests.conftest import DATABASE
from tests.factories import make_entry
from tests.postgres import fresh_database
from tests.processes import ROOT, environment, free_port, manage
from tests.releases import EXTRA_TABLE, RAISES, SLEEPS, SQL, release
from tests.waiting import wait_for

pytestmark = [pytest.mark.database, pytest.mark.slow]


@pytest.fixture
def database() -> Iterator[dict[str, str]]:
    """The environment that names a new database; SQLite needs none."""
    with fresh_database() if DATABASE == "postgresql" else nullcontext("") as url:
        yield {"DATABASE_URL": url} if url else {}


@pytest.fixture
def data(tmp_path: Path, database: dict[str, str]) -> Path:
    """A data folder whose database holds one entry, written by this release."""
    (tmp_path / "one.ndjson").write_bytes(records.encode(make_entry(issue_id="kept")))
    done = manage("import_log", str(tmp_path / "one.ndjson"), data_dir=tmp_path / "data", **database)
    assert done.returncode == 0, done.stderr
    return tmp_path / "data"


def copies(data: Path) -> list[Path]:
    """Each with its manifest beside it, and nothing else."""
    found = set((data / "backups").glob("*")) if (data / "backups").exists() else set()
    made = sorted(path for path in found if path.suffix == ".sqlite3")
    manifests = {path.with_name(f"{path.name}.json") for path in made if path.name.startswith("before-upgrade-")}
    assert found == {*made, *manifests}
    return made


def tables_and_ids(copy: Path) -> tuple[set[str], list[str]]:
    with closing(sqlite3.connect(copy)) as opened:
        tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return tables, [issue_id for (issue_id,) in opened.execute("SELECT issue_id FROM enhancelog_entry")]


def assert_as_before(data: Path, database: dict[str, str]) -> None:
    """This release goes on with the database, and nothing of the other one's is there."""
    exported = manage("export_log", data_dir=data, **database)
    assert exported.returncode == 0, exported.stderr
    assert [records.decode(line).issue_id for line in exported.stdout.encode().splitlines()] == ["kept"]
    assert manage("verify_log", data_dir=data, **database).returncode == 0


@pytest.mark.heavy
def test_four_starts_of_a_failing_upgrade_leave_the_database_and_one_copy(
    tmp_path: Path, data: Path, database: dict[str, str]
) -> None:
    failing = release(tmp_path, "failing", {"0998_extra": EXTRA_TABLE, "0999_raises": RAISES})
    first: list[Path] = []
    for _ in range(4):
        done = manage("serve", "--bind", f"127.0.0.1:{free_port()}", data_dir=data, **database, **failing)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert "row 7 cannot be converted" in done.stderr
        first = first or copies(data)
        assert copies(data) == first
    assert_as_before(data, database)
    if DATABASE == "sqlite":
        (copy,) = first
        assert __version__ in copy.name
        tables, ids = tables_and_ids(copy)
        assert "enhancelog_extra" not in tables
        assert ids == ["kept"]
    else:
        assert first == []

    mended = release(tmp_path, "mended", {"0998_extra": EXTRA_TABLE, "0999_works": SQL.format("SELECT 1")})
    done = manage("migrate", data_dir=data, **database, **mended)
    assert done.returncode == 0, done.stderr
    assert manage("verify_log", data_dir=data, **database, **mended).returncode == 0
    assert [path.name for path in copies(data)] == [path.name.replace("-unfinished", "") for path in first]


def test_an_upgrade_that_is_killed_leaves_the_database_as_it_was(
    tmp_path: Path, data: Path, database: dict[str, str]
) -> None:
    reached = tmp_path / "reached"
    slow = release(tmp_path, "slow", {"0998_extra": EXTRA_TABLE, "0999_sleeps": SLEEPS.format(str(reached))})
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "migrate"],
        env=environment(data, **database, **slow),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(reached.exists)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert_as_before(data, database)


@pytest.mark.once
@pytest.mark.heavy
def test_what_was_written_after_a_failed_upgrade_is_in_the_copy_of_the_next(tmp_path: Path, data: Path) -> None:
    failing = release(tmp_path, "failing", {"0999_raises": RAISES})
    assert manage("migrate", data_dir=data, **failing).returncode == 2
    (tmp_path / "more.ndjson").write_bytes(records.encode(make_entry(issue_id="more")))
    assert manage("import_log", str(tmp_path / "more.ndjson"), data_dir=data).returncode == 0
    assert manage("migrate", data_dir=data, **failing).returncode == 2
    assert [tables_and_ids(copy)[1] for copy in copies(data)] == [["kept"], ["kept", "more"]]


@pytest.mark.once
@pytest.mark.heavy
def test_copies_of_three_upgrades_are_kept_and_none_goes_before_the_next_succeeds(tmp_path: Path, data: Path) -> None:
    mine = data / "backups" / "mine.sqlite3"
    mine.parent.mkdir()
    mine.touch()
    steps: dict[str, str] = {}
    seen = []
    for number in range(995, 999):
        steps[f"0{number}_step"] = SQL.format("SELECT 1")
        done = manage("migrate", data_dir=data, **release(tmp_path, f"release{number}", steps))
        assert done.returncode == 0, done.stderr
        seen.append(max(set(copies(data)) - {mine}))
    assert copies(data) == [*seen[-3:], mine]
    failing = release(tmp_path, "failing", steps | {"0999_raises": RAISES})
    assert manage("migrate", data_dir=data, **failing).returncode == 2
    assert set(copies(data)) > {*seen[-3:], mine}
