"""The queue on disk: order, limits, refusals, and files that somebody else wrote."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from enhancelog.client.log_calls import Result
from enhancelog.client.quarantine import Quarantine, Refused
from enhancelog.client.spool import InUse, Spool
from enhancelog.domain.errors import Full, Invalid, Other
from tests.processes import ROOT

Line = tuple[str, bytes]


def line(number: int, size: int = 20) -> Line:
    return f"h-{number}", b'{"n":"%0*d"}' % (size, number)


def lines_in(spool: Spool) -> list[Line]:
    return [(entry.issue_id, entry.line) for entry in spool.first(10_000, 1 << 30)]


def refused(number: int) -> Refused:
    return Refused(Result(f"h-{number}", "invalid", "bad"), line(number)[1])


def fill(spool: Spool) -> tuple[str, int]:
    """Why an entry was refused, and how many were not."""
    for number in range(1000):
        try:
            spool.add([line(number, 1000)])
        except Full as refusal:
            return str(refusal), number
    raise AssertionError("it has no limit")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "entries.spool"


def test_entries_come_out_in_order_and_survive_a_reopen(path: Path):
    Spool(path).add([line(1), line(2)])
    Spool(path).add([line(3)])
    assert lines_in(Spool(path)) == [line(1), line(2), line(3)]
    assert Spool(path).count() == 3


def test_a_batch_is_bounded_in_entries_and_bytes(path: Path):
    spool = Spool(path)
    spool.add([line(number, 1000) for number in range(5)])
    assert [entry.issue_id for entry in spool.first(2, 1 << 20)] == ["h-0", "h-1"]
    assert [entry.issue_id for entry in spool.first(9, 3500)] == ["h-0", "h-1", "h-2"]
    assert [entry.issue_id for entry in spool.first(9, 1)] == ["h-0"]


def test_the_file_shrinks_when_entries_are_sent(path: Path):
    spool = Spool(path)
    empty = path.stat().st_size
    spool.add([line(number, 10_000) for number in range(50)])
    spool.remove(spool.first(25, 1 << 30))
    assert path.stat().st_size < 300_000
    spool.remove(spool.first(25, 1 << 30))
    assert path.stat().st_size == empty


def test_a_full_spool_refuses_and_keeps_what_it_has(path: Path):
    spool = Spool(path, max_bytes=100_000)
    refusal, kept = fill(spool)
    assert f"{path} is full: its limit is 100,000 bytes, entries waiting: {kept}" in refusal
    assert lines_in(spool) == [line(number, 1000) for number in range(kept)]
    assert kept > 60
    assert path.stat().st_size <= 100_000
    spool.remove(spool.first(20, 1 << 20))
    spool.add([line(kept, 1000)])
    assert lines_in(spool)[-1] == line(kept, 1000)


def test_what_does_not_fit_together_is_not_added_in_part(path: Path):
    spool = Spool(path, max_bytes=100_000)
    with pytest.raises(Full):
        spool.add([line(number, 10_000) for number in range(20)])
    assert spool.count() == 0


def test_the_limit_counts_the_quarantine_too(path: Path):
    spool = Spool(path, max_bytes=100_000)
    for number in range(4):
        spool.add([line(number, 20_000)])
        waiting = spool.first(1, 1)
        spool.remove(waiting, [Refused(Result(waiting[0].issue_id, "invalid"), waiting[0].line)])
    with pytest.raises(Full, match=r"its quarantine has 80,\d+ bytes"):
        spool.add([line(1, 20_000)])
    spool.quarantine.path.unlink()
    spool.add([line(1, 20_000)])


@pytest.mark.parametrize("size", [0, -1, 1000])
def test_a_limit_that_holds_nothing_is_refused(path: Path, size: int):
    with pytest.raises(Invalid, match="max_bytes: must be at least 65,536"):
        Spool(path, max_bytes=size)


def test_files_are_for_their_owner_alone(path: Path):
    spool = Spool(path)
    spool.add([line(1)])
    spool.remove(spool.first(1, 1), [refused(1)])
    with spool.sending():
        files = list(path.parent.iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {file.name for file in files} >= {"entries.spool", "entries.spool.lock", "entries.spool.quarantine.ndjson"}


def test_only_one_sends_at_a_time(path: Path):
    with Spool(path).sending(), pytest.raises(InUse, match="another process is sending"), Spool(path).sending():
        pass
    with Spool(path).sending():
        pass


def test_processes_share_a_spool(path: Path):
    code = (
        "import sys\n"
        "from enhancelog.client.spool import Spool\n"
        "spool = Spool(sys.argv[1])\n"
        "for number in range(50):\n"
        "    spool.add([(f'{sys.argv[2]}-{number}', b'{}')])\n"
    )
    commands = [[sys.executable, "-c", code, str(path), name] for name in "ab"]
    processes = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    ids = [issue_id for issue_id, _ in lines_in(Spool(path))]
    for name in "ab":
        assert [issue_id for issue_id in ids if issue_id[0] == name] == [f"{name}-{number}" for number in range(50)]


def test_a_spool_that_was_deleted_is_made_again(path: Path):
    spool = Spool(path)
    spool.add([line(1)])
    path.unlink()
    spool.add([line(2)])
    assert lines_in(Spool(path)) == [line(2)]


def test_a_file_of_something_else_is_left_alone(path: Path):
    path.parent.mkdir()
    path.write_text("my notes, which are long enough to be no empty database " * 20)
    with pytest.raises(Other, match=r"entries\.spool failed: file is not a database"):
        Spool(path)
    assert path.read_text().startswith("my notes")
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (a)")
    with pytest.raises(Other, match="is a database, but not a spool"):
        Spool(path)


def test_the_spool_of_a_newer_release_is_left_alone(path: Path):
    Spool(path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(Other, match="newer release"):
        Spool(path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Other, match=r"file/entries\.spool failed"):
        Spool(tmp_path / "file" / "entries.spool")
    with pytest.raises(Other, match="failed"):
        Spool(tmp_path)


def test_a_forked_child_may_add(path: Path):
    spool = Spool(path)
    spool.add([line(1)])
    child = os.fork()
    if not child:
        try:
            spool.add([line(2)])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    spool.add([line(3)])
    assert lines_in(spool) == [line(1), line(2), line(3)]


# The quarantine


def test_the_quarantine_says_why_and_keeps_the_entry(path: Path):
    path.parent.mkdir()
    quarantine = Quarantine(path)
    quarantine.add([refused(1), refused(2)])
    found = [msgspec.json.decode(text) for text in path.read_bytes().splitlines()]
    assert [(each["issue_id"], each["result"], each["error"]) for each in found] == [
        ("h-1", "invalid", "bad"),
        ("h-2", "invalid", "bad"),
    ]
    assert msgspec.json.encode(found[0]["entry"]) == line(1)[1]


def test_what_was_added_before_a_crash_is_not_added_twice(tmp_path: Path):
    quarantine = Quarantine(tmp_path / "q")
    quarantine.add([refused(1), refused(2)])
    quarantine.add([refused(1), refused(2), refused(3)])
    ids = [msgspec.json.decode(text)["issue_id"] for text in quarantine.path.read_bytes().splitlines()]
    assert ids == ["h-1", "h-2", "h-3"]


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_line_that_a_crash_cut_short_is_replaced(tmp_path: Path, cut: int):
    quarantine = Quarantine(tmp_path / "q")
    quarantine.add([refused(1)])
    whole = quarantine.path.stat().st_size
    quarantine.add([refused(2)])
    os.truncate(quarantine.path, quarantine.path.stat().st_size - cut)
    assert quarantine.path.stat().st_size > whole
    quarantine.add([refused(2)])
    ids = [msgspec.json.decode(text)["issue_id"] for text in quarantine.path.read_bytes().splitlines()]
    assert ids == ["h-1", "h-2"]
