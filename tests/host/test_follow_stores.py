"""``follow_log --stores``: the stores of a running host are read as they grow; nothing that was read is lost."""

import itertools
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from enhancelog.domain import records
from enhancelog.host import importing
from enhancelog.host.follow import Follower
from enhancelog.host.follow_stores import Both, StoresFollower
from enhancelog.host.log_http import Upstream, parse_url
from enhancelog.host.recognition import Store
from enhancelog.host.remarks import Remarks
from enhancelog.models import Answer, Document, Entry, HostIssue, Patch, UnfinishedRun, Version
from enhancelog.queries.observed import summary
from enhancelog.store import observed
from enhancelog.store.observed import Kept
from enhancelog.transfer.items import Found, Refused, Unreadable
from enhancelog.transfer.sources import open_source
from tests.factories import make_fields
from tests.host import stores
from tests.host.observed import read_tables
from tests.host.stores import GitStore, add_output, applied, final
from tests.host.test_follow import Heard as HeardOfLog
from tests.processes import RECORDED_HOST
from tests.upstream import LOG, Host, running

pytestmark = pytest.mark.django_db

PAUSE_S = 10.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "host"
    found.mkdir()
    return found


@pytest.fixture(autouse=True)
def own_data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def host() -> Iterator[Host]:
    with running() as host:
        host.list([])
        yield host


@pytest.fixture
def outputs(folder: Path) -> Iterator[sqlite3.Connection]:
    """An output store in WAL mode, which its host keeps open."""
    with stores.database(folder / "output.db", stores.OUTPUTS) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        yield connection


@pytest.fixture
def issues(folder: Path) -> Iterator[sqlite3.Connection]:
    with stores.database(folder / "issue.db", stores.ISSUES) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        yield connection


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.kept: list[Kept] = []

    def imported(self, store: Store, kept: Kept) -> None:
        self.kept.append(kept)

    def found(self, finding: Refused) -> None:
        self.lines.append(f"found {finding.where}")

    def lost(self, store: Store, what: str) -> None:
        self.lines.append(f"lost {store.kind} {what}")

    def unreadable(self, path: Path, reason: str, pause_s: float) -> None:
        self.lines.append(f"unreadable {path.name}")

    def readable(self, path: Path) -> None:
        self.lines.append(f"readable {path.name}")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def following(folder: Path, heard: Heard, clock: Clock | None = None) -> StoresFollower:
    return StoresFollower(folder, "host", Remarks("host"), heard, PAUSE_S, clock or Clock())


def add_patch(connection: sqlite3.Connection, number: int) -> None:
    value = applied(f"a: {number}\n", f"a: {number + 1}\n", ts_ms=number)
    add_output(connection, "patch-applier", final(value), seq=number)


def add_issue(connection: sqlite3.Connection, number: int, status: str = "pending", detail: str = "") -> None:
    values = [f"h-{number}", "main", "an intent", status, detail, number, None]
    connection.execute("INSERT OR REPLACE INTO issues VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def recorded_log() -> list[dict[str, object]]:
    with open_source(str(RECORDED_HOST / "enhance_log.db"), 1 << 20, imported=True) as items:
        return [json.loads(records.encode(item.entry)) for item in items if isinstance(item, Found)]


def run(host: Host, *options: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("follow_log", host.url, "--once", "--source", "host", *options, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_log_and_stores_of_a_host_leave_what_an_import_of_them_does(host: Host) -> None:
    host.list(recorded_log())
    code, out, err = run(host, "--stores", str(RECORDED_HOST))
    assert (code, err) == (0, "")
    assert "outputs: 150 new patches" in out
    assert summary("host")[:3] == (150, 150, 0)
    assert UnfinishedRun.objects.count() == 11
    followed = read_tables()
    call_command("import_host", str(RECORDED_HOST), source="host", stdout=StringIO(), stderr=StringIO())
    assert read_tables() == followed
    assert "new" not in run(host, "--stores", str(RECORDED_HOST))[1]


def test_what_a_store_gains_in_wal_mode_comes_in_alone(folder: Path, outputs: sqlite3.Connection) -> None:
    heard = Heard()
    follower = following(folder, heard)
    for number in (1, 2, 3):
        add_patch(outputs, number)
        follower.poll()
    assert [kept.patches for kept in heard.kept] == [1, 1, 1]
    assert Patch.objects.filter(source="host").count() == 3


def test_of_a_store_that_grew_only_new_rows_are_read(
    folder: Path, outputs: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = following(folder, Heard())
    for number in range(1, 6):
        add_patch(outputs, number)
    follower.poll()
    read: list[int] = []
    keep = importing.keep

    def counted(items: object, *arguments: object, **options: object) -> Kept:
        listed = list(items)  # type: ignore[call-overload]
        read.append(sum(type(item).__name__ == "Patch" for item in listed))
        return keep(listed, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(importing, "keep", counted)
    add_patch(outputs, 6)
    follower.poll()
    follower.poll()
    assert read == [1]


def test_an_unchanged_folder_is_not_read_again(
    folder: Path, outputs: sqlite3.Connection, issues: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_patch(outputs, 1)
    add_issue(issues, 1)
    follower = following(folder, Heard())
    follower.poll()
    monkeypatch.setattr(importing, "keep", lambda *_, **__: pytest.fail("read again"))
    follower.poll()


def test_an_issue_that_changes_there_and_back_is_followed(folder: Path, issues: sqlite3.Connection) -> None:
    heard = Heard()
    follower = following(folder, heard)
    states = ("pending", "inflight", "pending", "rejected")
    for status in states:
        add_issue(issues, 1, status, "dispatch failed: it died" if status == "rejected" else "")
        add_issue(issues, 2)
        follower.poll()
        assert HostIssue.objects.get(issue_id="h-1").status == status
    assert [(kept.issues, kept.changed) for kept in heard.kept] == [(2, 0), (0, 1), (0, 1), (0, 1)]
    assert UnfinishedRun.objects.get(issue_id="h-1").status == "died"


def test_a_store_that_comes_later_is_read(folder: Path) -> None:
    heard = Heard()
    follower = following(folder, heard)
    follower.poll()
    with closing(sqlite3.connect(folder / "any name", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE other (id)")
        follower.poll()
        assert heard.kept == []
        connection.execute(stores.OUTPUTS)
        add_patch(connection, 1)
        follower.poll()
    assert Patch.objects.count() == 1
    assert heard.lines == []


def test_a_store_that_shrinks_loses_nothing_here_and_is_said_once(folder: Path, outputs: sqlite3.Connection) -> None:
    heard = Heard()
    follower = following(folder, heard)
    for number in range(1, 5):
        add_patch(outputs, number)
    follower.poll()
    outputs.execute("DELETE FROM outputs WHERE seq > 1")
    for _ in range(3):
        follower.poll()
    assert heard.lines == ["lost outputs had 4 rows and now has 1"]
    assert Patch.objects.count() == 4
    outputs.execute("DELETE FROM outputs")
    add_patch(outputs, 2)
    value = applied("b: 1\n", "b: 2\n", ts_ms=9)
    outputs.execute("UPDATE outputs SET event_json = json(?)", [json.dumps(final(value))])
    follower.poll()
    assert Patch.objects.count() == 5


def test_a_replaced_store_is_read_whole(folder: Path, outputs: sqlite3.Connection, tmp_path: Path) -> None:
    follower = following(folder, Heard())
    for number in (1, 2):
        add_patch(outputs, number)
    follower.poll()
    other = tmp_path / "other.db"
    with stores.database(other, stores.OUTPUTS) as connection:
        for seq, number in ((1, 7), (2, 8)):
            value = applied(f"a: {number}\n", f"a: {number + 1}\n", ts_ms=number)
            add_output(connection, "patch-applier", final(value), seq=seq)
    outputs.close()
    os.replace(other, folder / "output.db")
    follower.poll()
    assert sorted(Patch.objects.values_list("ts_ms", flat=True)) == [1, 2, 7, 8]


def test_a_store_that_vanishes_is_said_once_and_read_when_it_returns(folder: Path, tmp_path: Path) -> None:
    shutil.copy(RECORDED_HOST / "issue.db", folder)
    heard = Heard()
    follower = following(folder, heard)
    follower.poll()
    (folder / "issue.db").rename(tmp_path / "away.db")
    follower.poll()
    follower.poll()
    assert heard.lines == ["lost issues is gone"]
    assert HostIssue.objects.count() == 161
    (tmp_path / "away.db").rename(folder / "issue.db")
    follower.poll()
    assert heard.lines == ["lost issues is gone"]
    assert HostIssue.objects.count() == 161


def test_an_unreadable_store_hides_no_other_and_is_tried_again_ever_less_often(
    folder: Path, outputs: sqlite3.Connection
) -> None:
    broken = folder / "issue.db"
    broken.write_bytes((RECORDED_HOST / "issue.db").read_bytes()[:8192].ljust(65536, b"\xff"))
    heard, clock = Heard(), Clock()
    follower = following(folder, heard, clock)
    add_patch(outputs, 1)
    tries: list[float] = []
    while len(heard.lines) < 4:
        before = len(heard.lines)
        follower.poll()
        if len(heard.lines) > before:
            tries.append(clock.now)
        clock.now += 1
    assert Patch.objects.count() == 1
    assert heard.lines == ["unreadable issue.db"] * 4
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses[0] >= PAUSE_S
    assert pauses[-1] > PAUSE_S * 2
    shutil.copy(RECORDED_HOST / "issue.db", broken)
    clock.now += 1000
    follower.poll()
    assert heard.lines[4:] == ["readable issue.db"]
    assert HostIssue.objects.count() == 161


def test_a_folder_that_goes_away_is_one_failure(folder: Path, outputs: sqlite3.Connection) -> None:
    heard, clock = Heard(), Clock()
    follower = following(folder, heard, clock)
    add_patch(outputs, 1)
    follower.poll()
    folder.rename(folder.with_name("away"))
    clock.now += 1
    follower.poll()
    assert heard.lines == ["unreadable host"]
    folder.with_name("away").rename(folder)
    clock.now += 1000
    follower.poll()
    assert heard.lines == ["unreadable host", "readable host"]


def test_a_row_that_cannot_be_read_is_said_once_even_after_a_restart(folder: Path, issues: sqlite3.Connection) -> None:
    heard = Heard()
    follower = following(folder, heard)
    for number in (1, 2):
        add_issue(issues, 7, "no status")
        add_issue(issues, number)
        follower.poll()
    following(folder, heard).poll()
    assert len(heard.lines) == 1
    assert heard.lines[0].startswith("found issues, row ")
    assert HostIssue.objects.count() == 2


def test_new_commits_come_in_alone_and_a_rewritten_history_whole(folder: Path) -> None:
    store = GitStore(folder)
    heard = Heard()
    follower = following(folder, heard)
    first = store.commit("a: 1\n")
    follower.poll()
    second = store.commit("a: 2\n", parents=[first])
    third = store.commit("a: 3\n", parents=[second])
    follower.poll()
    follower.poll()
    assert [kept.versions for kept in heard.kept] == [1, 2]
    assert list(Version.objects.order_by("number").values_list("number", "hash")) == [
        (number, stores.hash_of(f"a: {number + 1}\n")) for number in range(3)
    ]
    store.loose(first).unlink()  # is not read again
    store.commit("a: 4\n", parents=[third])
    other = GitStore(folder, "other")
    other.commit("b: 1\n")
    follower.poll()
    assert heard.lines == []
    assert heard.kept[-1].versions == 2
    store.commit("c: 1\n")
    follower.poll()
    assert Version.objects.filter(blueprint_id="main", number=0).count() == 2
    assert Document.objects.count() == 6
    store.close()
    other.close()


def test_an_interruption_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(RECORDED_HOST / "output.db", folder)
    keep, batches = observed.keep, iter(range(100))

    def interrupted(source: str, found: observed.Found) -> Kept:
        if next(batches) == 1:
            raise KeyboardInterrupt
        return keep(source, found)

    monkeypatch.setattr(importing, "BATCH_RECORDS", 40)
    follower = following(folder, Heard())
    with monkeypatch.context() as patch:
        patch.setattr(observed, "keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            follower.poll()
    follower.poll()
    assert (Patch.objects.count(), Answer.objects.count()) == (150, 10)


def test_neither_side_stops_the_other(host: Host, folder: Path, outputs: sqlite3.Connection) -> None:
    heard = Heard()
    log = Follower(Upstream(parse_url(host.url)), "host", 1 << 20, HeardOfLog())
    both = Both(log, StoresFollower(folder, "host", log.remarks, heard, PAUSE_S))
    (folder / "broken").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    host.list([make_fields()])
    both.poll()
    assert Entry.objects.count() == 1
    assert heard.lines == ["unreadable broken"]
    host.answers[LOG].status = 500
    add_patch(outputs, 1)
    with pytest.raises(Unreadable, match="answered 500"):
        both.poll()
    assert Patch.objects.count() == 1


def test_an_unreadable_store_is_one_line_of_the_command(host: Host, folder: Path) -> None:
    (folder / "broken\n.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    host.list([make_fields()])
    code, out, err = run(host, "--stores", str(folder))
    assert code == 1
    assert "added 1" in out
    (line,) = err.splitlines()
    assert "broken .db: SQLite cannot read it" in line
    assert "trying again in" in line


def test_stores_must_be_a_folder(host: Host, folder: Path) -> None:
    with pytest.raises(CommandError, match=r"--stores: .* is not a folder") as refused:
        run(host, "--stores", str(folder / "missing"))
    assert refused.value.returncode == 2
    assert host.requests == []
