"""kill -9 between any two lines of the client, at random moments, and a full disk: what was acknowledged reaches the
server exactly once and in order."""

import random
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
import pytest

from enhancelog.client.buffered import EnhanceLogClient
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain.errors import Full, Other
from tests.client import killing
from tests.client.stored import Log, listening
from tests.disks import small_disk
from tests.factories import make_entry
from tests.processes import ROOT

PARTS = 4

APPEND_FOR_EVER = """
import itertools, sys
from enhancelog.client.buffered import EnhanceLogClient
from tests.client.killing import entry
client = EnhanceLogClient(spool=sys.argv[1], flush_every_s=0.02)
for number in itertools.count():
    client.append(entry(f"{sys.argv[2]}-{number}"))
    print(f"{sys.argv[2]}-{number}", flush=True)
"""


def run(*arguments: object) -> list[Any]:
    command = [sys.executable, "-m", "tests.client.killing", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=290)
    assert done.returncode == 0, done.stderr[-2000:]
    return [msgspec.json.decode(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.heavy) for part in range(1, PARTS))])
def test_killed_between_any_two_lines_it_loses_and_doubles_nothing(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = Log()
    with listening(log) as url:
        monkeypatch.setenv("ENHANCELOG_URL", url)
        HttpEnhanceLogStore().append_many([make_entry(issue_id="taken"), make_entry(issue_id="first")])
        (numbers,) = run(tmp_path)
        reports = run(tmp_path, *numbers[part::PARTS])
    assert len(reports) > 200 // PARTS
    for report in reports:
        name = f"k{report['number']}-"
        mine = [issue_id for issue_id in log.stored if issue_id.startswith(name)]
        acknowledged = [issue_id for issue_id in report["acknowledged"] if issue_id != "taken"]
        # What was being appended when the kill came may be stored, too.
        assert mine == [f"{name}{number}" for number in range(len(mine))]
        assert mine[: len(acknowledged)] == acknowledged
        assert report["quarantined"] == (["taken"] if len(mine) > 1 else [])
    assert {0, 4, 5} <= {len(report["acknowledged"]) for report in reports}  # the kills came at every stage


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
@pytest.mark.slow
def test_killed_at_random_moments_while_two_processes_append(live_api: str, tmp_path: Path):
    spool = tmp_path / "entries.spool"
    acknowledged: dict[str, list[str]] = {}
    for round_number in range(4):
        names = [f"{round_number}{letter}" for letter in "ab"]
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", APPEND_FOR_EVER, str(spool), name], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            for name in names
        ]
        for process in processes:
            assert process.stdout.readline()
        time.sleep(random.uniform(0.1, 1.0))
        for name, process in zip(names, processes, strict=True):
            process.kill()
            acknowledged[name] = [f"{name}-0", *process.communicate()[0].split()]
    with EnhanceLogClient(spool=spool, background=False) as client:
        done = client.flush(timeout_s=60)
    assert done.quarantined == 0
    stored = [entry.issue_id for entry in HttpEnhanceLogStore().list_all()]
    for name, ids in acknowledged.items():
        mine = [issue_id for issue_id in stored if issue_id.startswith(f"{name}-")]
        assert mine == [f"{name}-{number}" for number in range(len(mine))]
        assert mine[: len(ids)] == ids


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_full_disk_refuses_appends_and_loses_nothing(live_api: str, tmp_path: Path):
    with small_disk("tmpfs", tmp_path / "disk", 2) as disk:
        client = EnhanceLogClient(spool=disk.path / "entries.spool", background=False)
        for number in range(5):
            client.append(killing.entry(f"h-{number}"))
        disk.fill()
        large = [killing.entry(f"h-{number}", intent="x" * 3000) for number in range(5, 50)]
        with pytest.raises(Full, match=r"entries\.spool failed"):
            deque(map(client.append, large), maxlen=0)
        kept = client.waiting()
        with pytest.raises(Other):
            client.flush()  # sent, but what was sent cannot be crossed out
        disk.free()
        assert client.flush().identical == kept
        client.append(killing.entry("last"))
        client.close()
    assert [entry.issue_id for entry in HttpEnhanceLogStore().list_all()] == [
        *(f"h-{number}" for number in range(kept)),
        "last",
    ]
