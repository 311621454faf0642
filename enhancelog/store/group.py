"""Group commit: one thread per process commits all waiting appends together."""

import atexit
import os
import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Final

from django.db import OperationalError, connection

from enhancelog.backends import dialect
from enhancelog.backends.disk import is_of_disk
from enhancelog.backends.permit import permit
from enhancelog.observing import metrics
from enhancelog.store.writing import TRANSIENT, Append, write

# While it commits, the next appends queue up: the disk syncs once per group, and one connection keeps its caches warm.
# Long batches come here, too, because each connection that writes one keeps 12 MB of pages and prepared statements.
# Every append has its own result and timeout, and a failing one does not fail its neighbors. The thread starts with the
# first append and ends with its connection after IDLE_S without work. At exit the queue is written first. An append in
# a transaction of its caller is part of that and does not come here.

MOST_ENTRIES: Final = 1000  # of a group
IDLE_S: Final = 10.0
# A connection idle for longer is checked before use.
REST_S: Final = 1.0
# Extra wait for the writer, because its error says more than a timeout.
GRACE_S: Final = 1.0


class Waiting:
    def __init__(self, append: Append) -> None:
        self.append = append
        self.error: BaseException | None = None
        # In a transaction of its own: all or nothing, or its group failed for another reason than the database's
        # health.
        self.alone = append.whole
        self._answered = threading.Lock()
        self._answered.acquire()

    def answer(self, error: BaseException | None = None) -> None:
        self.error = error
        self._answered.release()

    def wait(self, timeout_s: float = -1) -> bool:
        return self._answered.acquire(timeout=timeout_s)


class Writer:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Waiting] = deque()
        self._thread: threading.Thread | None = None
        self._ends = False

    def is_me(self) -> bool:
        return threading.current_thread() is self._thread

    def commit(self, append: Append) -> None:
        """Raises the database's error, or ``OperationalError`` on timeout, when nothing was written."""
        waiting = Waiting(append)
        with self._changed:
            self._queue.append(waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="append-writer", daemon=True)
                self._thread.start()
            self._changed.notify()
        with permit.released():
            if not waiting.wait(max(0.0, append.left_s + GRACE_S)):
                self._withdraw(waiting)
                waiting.wait()  # withdrawn, or already being written
        if waiting.error is not None:
            raise waiting.error

    def drain(self) -> None:
        with self._changed:
            thread = self._thread
            self._ends = thread is not None
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _withdraw(self, waiting: Waiting) -> None:
        with self._changed:
            if waiting in self._queue:
                self._queue.remove(waiting)
                waiting.answer(OperationalError("other appends kept the database busy for too long"))

    # These run in the writer thread.

    def _run(self) -> None:
        try:
            while self._has_work():
                self._write_group()
        except BaseException as error:
            self._abandon(error)
            raise
        finally:
            connection.close()

    def _has_work(self) -> bool:
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ends, IDLE_S)
            if not self._queue:
                self._thread, self._ends = None, False
                return False
        if time.monotonic() - began > REST_S:
            connection.close_if_unusable_or_obsolete()
        return True

    def _write_group(self) -> None:
        group: list[Waiting] = []
        try:
            started = time.perf_counter()
            with ExitStack() as until_committed, dialect().appending(self._shortest_left_s()) as cursor:
                metrics.append_waited(time.perf_counter() - started)
                until_committed.enter_context(permit.held())
                group = self._take()  # includes those queued during the wait for the lock
                write(cursor, [waiting.append for waiting in group])
        except TRANSIENT as error:
            if is_of_disk(error):
                self._set_apart(group or self._take(), error)  # smaller appends may still fit
                connection.close()
            else:
                self._try_again(group, error)
        except Exception as error:
            self._set_apart(group or self._take(), error)
        except BaseException as error:
            _answer(group, error)
            raise
        else:
            _answer(group)

    def _shortest_left_s(self) -> float:
        with self._changed:
            return min((waiting.append.left_s for waiting in self._queue), default=0.0)

    def _take(self) -> list[Waiting]:
        group: list[Waiting] = []
        entries = 0
        with self._changed:
            while self._queue and (not group or not (self._queue[0].alone or group[0].alone)):
                entries += len(self._queue[0].append.entries)
                if group and entries > MOST_ENTRIES:
                    break
                group.append(self._queue.popleft())
        return group

    def _try_again(self, group: Sequence[Waiting], error: Exception) -> None:
        with self._changed:
            everybody = [*group, *self._queue]
            over = [waiting for waiting in everybody if waiting.append.left_s <= 0]
            self._queue = deque(waiting for waiting in everybody if waiting not in over)
            goes_on = bool(self._queue)
        _answer(over, error)
        connection.close()
        if goes_on:
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  not a secret

    def _set_apart(self, group: Sequence[Waiting], error: Exception) -> None:
        # One append is at fault; alone, it fails alone.
        if len(group) <= 1:
            _answer(group, error)
            return
        for waiting in group:
            waiting.alone = True
        with self._changed:
            self._queue.extendleft(reversed(group))

    def _abandon(self, error: BaseException) -> None:
        with self._changed:
            self._thread, self._ends = None, False
            abandoned, self._queue = self._queue, deque()
        _answer(abandoned, error)


def _answer(waiting: Iterable[Waiting], error: BaseException | None = None) -> None:
    for each in waiting:
        each.answer(error)


_writer = Writer()


def commit(append: Append) -> None:
    _writer.commit(append)


def drain() -> None:
    _writer.drain()


def is_writer() -> bool:
    return _writer.is_me()


def _renew() -> None:
    # A forked child has neither the thread nor its callers.
    global _writer
    _writer = Writer()


atexit.register(drain)
os.register_at_fork(after_in_child=_renew)
