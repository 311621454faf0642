"""An import that is broken off: what was committed stays whole, and running it again completes it."""

import io
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from enhancelog.domain import records
from enhancelog.domain.errors import Other
from enhancelog.domain.records import Entry
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from enhancelog.store.verification import verify
from enhancelog.store.writing import ENTRIES_PER_TRANSACTION
from tests import processes
from tests.factories import make_entry

NUMBER = ENTRIES_PER_TRANSACTION + 500
LINES = [records.encode(make_entry(issue_id=str(number))) + b"\n" for number in range(NUMBER)]


@pytest.fixture
def ndjson(tmp_path: Path) -> Path:
    path = tmp_path / "log.ndjson"
    path.write_bytes(b"".join(LINES))
    return path


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    settings.DATA_DIR = folder
    return folder


def run(path: Path) -> str:
    out = io.StringIO()
    call_command("import_log", str(path), stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()[0]


def failing_at(number: int, failure: Callable[[], Exception]) -> Callable[..., Any]:
    """``append_batch`` that fails when it is called that often."""
    calls = iter(range(1, number + 1))
    append_batch = DatabaseEnhanceLogStore.append_batch

    def append(store: DatabaseEnhanceLogStore, entries: Sequence[Entry], **options: Any) -> Any:
        if next(calls) == number:
            raise failure()
        return append_batch(store, entries, **options)

    return append


@pytest.mark.django_db
@pytest.mark.usefixtures("data_dir")
def test_a_database_that_fails_between_batches_keeps_the_first_and_a_second_run_completes(
    ndjson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            DatabaseEnhanceLogStore, "append_batch", failing_at(2, lambda: Other("the database failed: gone"))
        )
        with pytest.raises(CommandError, match="the database failed: gone") as failure:
            run(ndjson)
    assert failure.value.returncode == 2
    assert last_position() == ENTRIES_PER_TRANSACTION
    assert list(verify()) == []
    assert run(ndjson) == f"read {NUMBER:,}, added 500, same 1,000, conflict 0, quarantined 0"


@pytest.mark.django_db
@pytest.mark.usefixtures("data_dir")
def test_an_interrupted_import_says_what_it_did_and_exits_130(
    ndjson: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        DatabaseEnhanceLogStore,
        "append_batch",
        failing_at(2, lambda: KeyboardInterrupt()),  # type: ignore[arg-type,return-value]
    )
    with pytest.raises(SystemExit) as ended:
        call_command("import_log", str(ndjson))
    assert ended.value.code == 130
    printed = capsys.readouterr()
    assert printed.out == "read 1,000, added 1,000, same 0, conflict 0, quarantined 0\n"
    assert printed.err == "Interrupted. What was committed is kept; run the command again to continue.\n"


@pytest.mark.django_db
def test_findings_that_cannot_be_kept_stop_the_import_in_one_line(tmp_path: Path, data_dir: Path) -> None:
    (data_dir / "quarantine").write_text("a file where the folder should be")
    path = tmp_path / "log.ndjson"
    path.write_bytes(LINES[0] + b"{}\n")
    with pytest.raises(CommandError, match="quarantine") as failure:
        run(path)
    assert failure.value.returncode == 2
    assert "\n" not in str(failure.value)
    assert last_position() == 1


@pytest.fixture
def waiting_import(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An import in a process of its own that has committed one batch and waits for more on standard input."""
    folder = tmp_path / "own"
    assert processes.manage("migrate", "--verbosity", "0", data_dir=folder).returncode == 0
    process = subprocess.Popen(
        [sys.executable, str(processes.ROOT / "manage.py"), "import_log", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=processes.environment(folder, ENHANCELOG_MAX_ENTRY_BYTES="4096"),
    )
    assert process.stdin
    process.stdin.write(b"".join(LINES))
    process.stdin.flush()
    while committed(folder) == 0:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    yield process
    process.kill()
    process.communicate()


def committed(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'enhancelog.sqlite3'}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT COUNT(*) FROM enhancelog_entry").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_import_that_is_ended_by_a_signal_completes_when_run_again(
    waiting_import: subprocess.Popen[bytes], tmp_path: Path, ndjson: Path, sent: signal.Signals, code: int
) -> None:
    waiting_import.send_signal(sent)
    _, errors = waiting_import.communicate(timeout=60)
    assert waiting_import.returncode == code
    assert b"Traceback" not in errors
    folder = tmp_path / "own"
    assert committed(folder) == ENTRIES_PER_TRANSACTION
    again = processes.manage("import_log", str(ndjson), data_dir=folder)
    assert (again.returncode, again.stdout) == (
        0,
        f"read {NUMBER:,}, added 500, same 1,000, conflict 0, quarantined 0\n",
    )
    verified = processes.manage("verify_log", data_dir=folder)
    *_, last = verified.stdout.splitlines()  # what is not signed yet stands above
    assert last.startswith(f"verified {NUMBER:,} entries")
    assert last.endswith(": no problems found")
