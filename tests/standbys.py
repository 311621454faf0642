"""A PostgreSQL primary with a streaming standby of our own, each of which can be paused, hung, killed and started."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg

from tests import postgres
from tests.waiting import wait_for

# As in production: a commit is flushed before it is acknowledged and sent. Only what a crash of the machine could lose
# is spared.
OPTIONS = ["fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=100", "autovacuum=off"]


class Server:
    """One cluster in ``folder``. Its socket stays the same over restarts."""

    def __init__(self, folder: Path, socket: Path, options: Sequence[str] = ()) -> None:
        self.folder, self.socket, self.options = folder, socket, [*OPTIONS, *options]
        folder.mkdir(parents=True, exist_ok=True)
        self.binaries, self.prefix = postgres.runnable(postgres.binaries(), folder, socket)
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.socket}"

    def start(self) -> None:
        command = [*self.prefix, str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k"]
        running = postgres.running([*command, str(self.socket)], str(self.socket), self.folder, self.options)
        self._process = self._running.enter_context(running)

    def stop(self) -> None:
        self._running.close()
        self._process = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """kill -9, of all its processes."""
        family = self._family()
        for process in family:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=15)
        self.stop()
        for path in self.socket.iterdir():
            path.unlink()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Connections are accepted, and nothing is answered."""
        family = self._family()
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                if process.is_running():
                    process.resume()

    def cpu_s(self) -> float:
        """Of the processes that it has now."""
        found = 0.0
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                found += sum(process.cpu_times()[:2])
        return found

    def execute(self, statement: str, database: str = "postgres") -> Any:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(statement)  # type: ignore[arg-type, unused-ignore]
            return found.fetchone() if found.description else None

    def _family(self) -> list[psutil.Process]:
        assert self._process
        return list(psutil.Process(self._process.pid).children(recursive=True))


class Pair:
    """``primary`` and ``standby``; both run."""

    def __init__(self, primary: Server, standby: Server) -> None:
        self.primary, self.standby = primary, standby

    def delay(self, milliseconds: int) -> None:
        """The standby applies commits so much later."""
        self.standby.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = {milliseconds}")
        self.standby.execute("SELECT pg_reload_conf()")

    def pause(self) -> None:
        self.standby.execute("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        self.standby.execute("SELECT pg_wal_replay_resume()")

    def promote(self) -> None:
        self.standby.execute("SELECT pg_promote()")

    def wait_until_equal(self) -> None:
        wait_for(self._is_equal)

    def _is_equal(self) -> bool:
        (written,) = self.primary.execute("SELECT pg_current_wal_insert_lsn()::text")
        return bool(self.standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'")[0])


@contextmanager
def pair() -> Iterator[Pair]:
    """Of a new, empty cluster."""
    with tempfile.TemporaryDirectory(prefix="enhancelog-pg-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        primary, standby = (_server(Path(name) / each, stack) for each in ("primary", "standby"))
        postgres.make_cluster(primary.binaries, primary.prefix, primary.folder)
        stack.callback(primary.stop)
        primary.start()
        copy(primary, standby)
        stack.callback(standby.stop)
        standby.start()
        yield Pair(primary, standby)


def copy(primary: Server, standby: Server) -> None:
    """Make it a standby of the primary, with its data of now."""
    data = standby.folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    command = [str(standby.binaries / "pg_basebackup"), "-D", str(data), "-d", primary.url(), "-R", "-c", "fast", "-N"]
    subprocess.run([*standby.prefix, *command], check=True, capture_output=True, cwd=standby.folder)


@contextmanager
def other_cluster() -> Iterator[Server]:
    """That has nothing to do with any pair."""
    with tempfile.TemporaryDirectory(prefix="enhancelog-pg-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        server = _server(Path(name), stack)
        postgres.make_cluster(server.binaries, server.prefix, server.folder)
        stack.callback(server.stop)
        server.start()
        yield server


def _server(folder: Path, stack: ExitStack) -> Server:
    socket = tempfile.TemporaryDirectory(prefix="enhancelog-pg-", ignore_cleanup_errors=True)
    found = Server(folder, Path(stack.enter_context(socket)))
    if os.geteuid() == 0 and found.prefix[:1] == ["setpriv"]:
        subprocess.run(["chown", "-R", "nobody", str(folder)], check=True)
    return found
