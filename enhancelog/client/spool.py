"""A queue on disk: entries that wait for the server, in one SQLite file that threads and processes share."""

import errno
import fcntl
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from enhancelog.client.quarantine import Quarantine, Refused
from enhancelog.domain.errors import Full, Invalid, Other

# Files beside ``PATH``: ``PATH-journal`` (SQLite's), ``PATH.lock`` (held while somebody sends) and
# ``PATH.quarantine.ndjson`` (what the server refused).

MAX_BYTES: Final = 256 << 20
LEAST_BYTES: Final = 64 << 10
LOCK_WAIT_S: Final = 30.0  # for another process that writes

_APPLICATION_ID: Final = 0x454E4853
_VERSION: Final = 1
_PAGE_BYTES: Final = 4096
_SCHEMA: Final = (
    # AUTOINCREMENT: a number is never used again
    "CREATE TABLE waiting (number INTEGER PRIMARY KEY AUTOINCREMENT, issue_id TEXT NOT NULL, line BLOB NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# SQLite's locks belong to a process. A child that is forked during an operation would wrongly believe that it holds
# them.
_no_fork = threading.Lock()
os.register_at_fork(before=_no_fork.acquire, after_in_parent=_no_fork.release, after_in_child=_no_fork.release)


class Waiting(NamedTuple):
    number: int  # grows in the order of appends
    issue_id: str
    line: bytes  # of NDJSON


class InUse(Other):
    """Somebody else is sending from this spool."""


class Spool:
    """``max_bytes`` includes the quarantine. Raises ``Invalid`` if it is too little, ``Full`` or ``Other`` if the disk
    fails."""

    def __init__(self, path: Path | str, max_bytes: int = MAX_BYTES) -> None:
        if max_bytes < LEAST_BYTES:
            raise Invalid("max_bytes", "range", f"must be at least {LEAST_BYTES:,}, not {max_bytes:,}")
        self.path = Path(path).absolute()
        self.max_bytes = max_bytes
        self.quarantine = Quarantine(Path(f"{self.path}.quarantine.ndjson"))
        with self._failing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._opened():
            pass

    def add(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """All pairs of id and line or none. They survive a crash of the machine when this returns. Raises ``Full``."""
        with self._opened() as database:
            room = (self.max_bytes - self.quarantine.size()) // _PAGE_BYTES
            try:
                database.execute(f"PRAGMA max_page_count = {max(1, room)}")
                database.execute("BEGIN IMMEDIATE")
                database.executemany("INSERT INTO waiting (issue_id, line) VALUES (?, ?)", entries)
                if _pragma(database, "page_count") > room:
                    raise self._full(database)
                database.execute("COMMIT")
            except sqlite3.OperationalError as error:
                pages = sum(len(line) for _, line in entries) // _PAGE_BYTES + len(entries) + 2
                if _is_full(error) and _pragma(database, "page_count") + pages > room:
                    raise self._full(database) from None
                raise

    def first(self, entries: int, max_bytes: int) -> list[Waiting]:
        """The oldest, within both limits, but at least one."""
        found: list[Waiting] = []
        size = 0
        with self._opened() as database:
            query = "SELECT number, issue_id, line FROM waiting ORDER BY number LIMIT ?"
            for row in database.execute(query, (entries,)):
                size += len(row[2])
                if found and size > max_bytes:
                    break
                found.append(Waiting(*row))
        return found

    def remove(self, done: Iterable[Waiting], refused: Sequence[Refused] = ()) -> None:
        """``refused`` are in the quarantine when this returns."""
        with self._opened() as database:
            with self._failing():
                self.quarantine.add(refused)
            database.execute("BEGIN IMMEDIATE")
            database.executemany("DELETE FROM waiting WHERE number = ?", ((entry.number,) for entry in done))
            database.execute("COMMIT")

    def count(self) -> int:
        with self._opened() as database:
            return int(database.execute("SELECT count(*) FROM waiting").fetchone()[0])

    @contextmanager
    def sending(self) -> Iterator[None]:
        """One sender at a time, or entries would change their order. Raises ``InUse``."""
        with self._failing():
            descriptor = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            with self._failing():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)  # which releases the lock, as does the end of the process

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        # Opened for each operation, so that a fork is safe and a deleted file is noticed.
        with self._failing(), _no_fork:
            if not self.path.exists():
                self._create()
            with closing(sqlite3.connect(self.path, timeout=LOCK_WAIT_S, isolation_level=None)) as database:
                # A commit and the end of its journal are on disk. A write-ahead log would be unsafe with several
                # processes in some of the SQLite releases that Python comes with.
                for setting in ("journal_mode = TRUNCATE", "synchronous = FULL", "fullfsync = 1"):
                    database.execute(f"PRAGMA {setting}")
                if not self._is_ours(database):
                    self._initialise(database)
                yield database

    def _create(self) -> None:
        # Readable only by its owner. It gets its name after it is closed, because closing a file releases all locks
        # that this process has on it.
        descriptor, name = tempfile.mkstemp(dir=self.path.parent)
        os.close(descriptor)
        try:
            os.link(name, self.path)
        except FileExistsError:
            pass  # by another process in the meantime
        finally:
            os.unlink(name)

    def _is_ours(self, database: sqlite3.Connection) -> bool:
        application, version = (_pragma(database, name) for name in ("application_id", "user_version"))
        if application == _APPLICATION_ID and version != _VERSION:
            raise Other(f"{self.path} is the spool of a newer release")
        return application == _APPLICATION_ID

    def _initialise(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA auto_vacuum = FULL")  # the file shrinks when entries are sent
        database.execute("BEGIN IMMEDIATE")
        if not self._is_ours(database):
            if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise Other(f"{self.path} is a database, but not a spool")
            for statement in _SCHEMA:
                database.execute(statement)
        database.execute("COMMIT")

    def _full(self, database: sqlite3.Connection) -> Full:
        if database.in_transaction:
            database.execute("ROLLBACK")
        count = database.execute("SELECT count(*) FROM waiting").fetchone()[0]
        kept = self.quarantine.size()
        return Full(
            f"the spool {self.path} is full: its limit is {self.max_bytes:,} bytes, entries waiting: {count:,}"
            + (f", and its quarantine has {kept:,} bytes" if kept else "")
        )

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            raise InUse(f"another process is sending from the spool {self.path}") from None
        except OSError as error:
            kind = Full if error.errno in _NO_SPACE else Other
            raise kind(f"the spool {self.path} failed: {error.strerror or error}") from None
        except sqlite3.Error as error:
            kind = Full if _is_full(error) else Other
            raise kind(f"the spool {self.path} failed: {error}") from None


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])
