"""The write lock of a SQLite file, between threads and processes."""

import fcntl
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db.utils import OperationalError

from enhancelog.backends.permit import permit
from enhancelog.backends.waiting import Wait

# SQLite before 3.51.3 has a race between a checkpoint in one process and a write in another that can corrupt a WAL
# database. With every write and its checkpoint under this lock it cannot occur, nor can "database is locked".

LONGEST_PAUSE_S: Final = 0.01

_threads: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class WriteLock:
    """Not reentrant; check ``held`` first."""

    def __init__(self, database: str, timeout_s: float) -> None:
        self.path = f"{database}.lock"
        self.timeout_s = timeout_s
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def acquire(self) -> None:
        """Raises ``OperationalError`` after ``timeout_s``, unless waits are unlimited (see ``waiting``)."""
        wait = Wait("another process that writes to the database", self.timeout_s)
        if not _threads[self.path].acquire(blocking=False):
            with permit.released():
                while not _threads[self.path].acquire(timeout=wait.next_s):
                    if not wait.goes_on():
                        raise self._busy()
        try:
            self._descriptor = self._lock_file(wait)
        except BaseException:
            _threads[self.path].release()
            raise

    @contextmanager
    def patience(self, timeout_s: float) -> Iterator[None]:
        usual, self.timeout_s = self.timeout_s, timeout_s
        try:
            yield
        finally:
            self.timeout_s = usual

    def release(self) -> None:
        if self._descriptor is None:
            return
        os.close(self._descriptor)
        self._descriptor = None
        _threads[self.path].release()

    def _lock_file(self, wait: Wait) -> int:
        # Of several processes, only the one that holds the place of the next waits for the lock itself. Otherwise one
        # that writes without a pause would always be first, and the others would find it locked whenever they look.
        next_one = self._locked_file(f"{self.path}.next", wait)
        try:
            return self._locked_file(self.path, wait)
        finally:
            os.close(next_one)

    def _locked_file(self, path: str, wait: Wait) -> int:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OperationalError(f"cannot open the write lock {path}: {error.strerror}") from error
        try:
            if not _locked(descriptor):
                with permit.released():
                    self._wait_for_file(descriptor, wait)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _wait_for_file(self, descriptor: int, wait: Wait) -> None:
        pause_s = 0.0005
        while not _locked(descriptor):
            if not wait.goes_on():
                raise self._busy()
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    def _busy(self) -> OperationalError:
        return OperationalError(f"database is locked: another writer held {self.path} for {self.timeout_s:g} s")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
