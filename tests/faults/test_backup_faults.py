"""``backup`` and ``restore`` that are killed or meet a full disk, and copies of servers in use, on both databases."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from enhancelog.domain import records
from tests.conftest import DATABASE
from tests.disks import database_on, small_disk
from tests.factories import make_entry
from tests.faults.killed import Killer, points
from tests.postgres import client_programs, fresh_database
from tests.processes import free_port, manage, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.database, pytest.mark.slow]

ENDING = {"sqlite": ".sqlite3", "postgresql": ".dump"}[DATABASE]
LOG = "/v1/enhance/log"


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """The environment that names a new database; SQLite needs none."""
    with fresh_database() if DATABASE == "postgresql" else nullcontext("") as url:
        yield {"DATABASE_URL": url, **client_programs()} if url else {}


@pytest.fixture
def source() -> Iterator[dict[str, str]]:
    with database() as environment:
        yield environment


@pytest.fixture
def data(tmp_path: Path, source: dict[str, str]) -> Path:
    """A data folder whose log has 30 entries."""
    log = tmp_path / "thirty.ndjson"
    log.write_bytes(b"\n".join(records.encode(make_entry(issue_id=f"entry-{number}")) for number in range(30)))
    done = manage("import_log", str(log), data_dir=tmp_path / "data", **source)
    assert done.returncode == 0, done.stderr
    return tmp_path / "data"


@pytest.fixture
def copy(tmp_path: Path, data: Path, source: dict[str, str]) -> Path:
    path = tmp_path / f"copy{ENDING}"
    done = manage("backup", str(path), data_dir=data, **source)
    assert done.returncode == 0, done.stderr
    return path


def connected(environment: dict[str, str]) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(environment["DATABASE_URL"], autocommit=True)


def entries(data: Path, environment: dict[str, str]) -> int | None:
    """How many the database holds; ``None`` if there is none. Anything in between fails."""
    if DATABASE == "sqlite":
        path = data / "enhancelog.sqlite3"
        if not path.exists():
            return None
        with closing(sqlite3.connect(path)) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return int(opened.execute("SELECT COUNT(*) FROM enhancelog_entry").fetchone()[0])
    with connected(environment) as opened:
        others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        wait_for(
            lambda: opened.execute(others).fetchone() == (0,)
        )  # a pg_restore that outlives its parent for a moment
        if opened.execute("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,):
            return None
        row = opened.execute("SELECT COUNT(*) FROM enhancelog_entry").fetchone()
        assert row is not None
        return int(row[0])


def whole(copy: Path) -> bool:
    manifest = json.loads(copy.with_name(f"{copy.name}.json").read_text())
    return bool(manifest["sha256"] == hashlib.sha256(copy.read_bytes()).hexdigest())


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_backup_that_is_killed_shows_a_whole_copy_or_none(tmp_path: Path, data: Path, source: dict[str, str]) -> None:
    killer = Killer(tmp_path)
    folder = tmp_path / "copies"
    folder.mkdir()
    calls = killer.calls("backup", str(folder / f"first{ENDING}"), data_dir=data, **source)
    for number in points(calls):
        copy = folder / f"copy-{number}{ENDING}"
        killer.kill(number, "backup", str(copy), data_dir=data, **source)
        assert not copy.exists() or whole(copy)
    last = folder / f"last{ENDING}"
    assert manage("backup", str(last), data_dir=data, **source).returncode == 0
    assert whole(last)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    done = manage("restore", str(last), "--check", data_dir=data, **source)
    assert done.returncode == 0, done.stderr
    assert entries(data, source) == 30


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_restore_that_is_killed_leaves_a_whole_database_or_none(tmp_path: Path, copy: Path) -> None:
    killer = Killer(tmp_path)
    with database() as first:
        calls = killer.calls("restore", str(copy), data_dir=tmp_path / "first", **first)
    with ExitStack() as stack:
        place, environment = tmp_path / "place", stack.enter_context(database())
        for number in points(calls, 10):
            killer.kill(number, "restore", str(copy), data_dir=place, **environment)
            if entries(place, environment) is not None:
                assert entries(place, environment) == 30
                place, environment = tmp_path / f"place-{number}", stack.enter_context(database())
        done = manage("restore", str(copy), data_dir=place, **environment)
        assert done.returncode == 0, done.stderr
        assert entries(place, environment) == 30
        assert {path.name for path in place.iterdir()} <= {"enhancelog.sqlite3", "secret_key", "serve.lock"}
        assert manage("verify_log", data_dir=place, **environment).returncode == 0


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_check_that_is_killed_touches_nothing_and_the_next_removes_what_it_has_left(
    tmp_path: Path, data: Path, copy: Path, source: dict[str, str]
) -> None:
    killer = Killer(tmp_path)
    calls = killer.calls("restore", str(copy), "--check", data_dir=data, **source)
    before = {path.name for path in data.iterdir()}
    for number in points(calls, 10):
        killer.kill(number, "restore", str(copy), "--check", data_dir=data, **source)
    assert entries(data, source) == 30
    done = manage("restore", str(copy), "--check", data_dir=data, **source)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in data.iterdir()} - {"enhancelog.sqlite3-wal", "enhancelog.sqlite3-shm"} <= before
    if DATABASE == "postgresql":
        with connected(source) as opened:
            left = "SELECT COUNT(*) FROM pg_database WHERE datname = 'enhancelog_check_' || (%s)"
            this = "SELECT oid FROM pg_database WHERE datname = current_database()"
            assert opened.execute(left % this).fetchone() == (0,)  # type: ignore[arg-type, unused-ignore]


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, data: Path, copy: Path, source: dict[str, str]
) -> None:
    with small_disk("tmpfs", tmp_path / "small", 1 if DATABASE == "sqlite" else 32) as disk:
        disk.fill()
        target = disk.path / f"copy{ENDING}"
        done = manage("backup", str(target), data_dir=data, **source)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "No space left on device" in done.stderr or "full" in done.stderr
        assert [path.name for path in disk.path.iterdir()] == ["ballast"]
        disk.free()
        with database_on(disk) if DATABASE == "postgresql" else nullcontext("") as url:
            if DATABASE == "sqlite":
                place, environment = disk.path / "place", source
                place.mkdir()
                (disk.path / "half").write_bytes(bytes(700_000))
            else:
                place, environment = tmp_path / "place", {**source, "DATABASE_URL": _plain(url)}
            disk.fill()
            done = manage("restore", str(copy), data_dir=place, ENHANCELOG_SECRET_KEY="k" * 50, **environment)
            assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
            assert "No space left on device" in done.stderr
            disk.free()  # PostgreSQL takes no connection without space
            assert entries(place, environment) is None


def _plain(url: str) -> str:
    parts = urlsplit(url)
    return f"postgresql://{parts.username}@{parts.path}?host={parse_qs(parts.query)['host'][0]}"


def test_two_servers_that_share_a_folder_make_one_copy_under_appends_and_keep_the_newest(
    tmp_path: Path, data: Path, source: dict[str, str]
) -> None:
    label = "enhancelog" if DATABASE == "sqlite" else source["DATABASE_URL"].partition("///")[2].partition("?")[0]
    backups = data / "backups"
    backups.mkdir()
    for day in (1, 2, 3):
        (backups / f"serve-2020-01-0{day}T000000.000000Z-of-{label}{ENDING}").write_bytes(b"old")
    (backups / f"mine{ENDING}").write_bytes(b"mine")
    token = manage("create_token", "agent", "--scope", "log:append", data_dir=data, **source).stdout.strip()
    every = {"ENHANCELOG_BACKUP_EVERY": "1d", "ENHANCELOG_BACKUP_KEEP": "2", "ENHANCELOG_WORKERS": "1", **source}
    binds = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    acknowledged = 30
    ends = threading.Event()

    def append() -> None:
        nonlocal acknowledged
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://{binds[0]}", timeout=60, trust_env=False, headers=headers) as client:
            while not ends.wait(0.02):
                body = records.encode(make_entry(issue_id=f"later-{acknowledged}"))
                answer = client.post(LOG, content=body, headers={"Content-Type": "application/json"})
                assert answer.status_code == 201, answer.text
                acknowledged += 1

    with ExitStack() as stack:
        for number, bind in enumerate(binds):
            output = stack.enter_context(open(tmp_path / f"server-{number}.log", "w"))
            stack.enter_context(serving("--bind", bind, data_dir=data, output=output, **every))
        appending = threading.Thread(target=append)
        appending.start()
        try:
            wait_for(lambda: len(_new(backups)) == 1)
            (made,) = _new(backups)
            wait_for(lambda: not (backups / f"serve-2020-01-02T000000.000000Z-of-{label}{ENDING}").exists())
            ends.wait(8.0)  # longer than the other server's pause
            assert _new(backups) == [made]
        finally:
            ends.set()
            appending.join()
        done = manage("restore", str(made), "--check", data_dir=data, **source)
    assert done.returncode == 0, done.stdout + done.stderr
    extent = json.loads(made.with_name(f"{made.name}.json").read_text())["extent"]
    assert 30 <= extent["log"] <= acknowledged
    assert f"verified {extent['log']} entries" in done.stdout
    kept = sorted(path.name for path in backups.iterdir() if path.name.endswith(ENDING))
    assert kept == sorted([f"mine{ENDING}", f"serve-2020-01-03T000000.000000Z-of-{label}{ENDING}", made.name])
    said = (tmp_path / "server-0.log").read_text() + (tmp_path / "server-1.log").read_text()
    assert said.count("made a backup") == 1


def _new(backups: Path) -> list[Path]:
    return [path for path in backups.glob(f"serve-*{ENDING}") if not path.name.startswith("serve-2020")]
