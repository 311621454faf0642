"""Starts the workers, replaces those that die or whose code was edited (``serve --reload``), and stops them all."""

import logging
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from enhancelog.server import worker
from enhancelog.server.reloading import Sources
from enhancelog.server.worker_options import READY, Options

# Workers share the port (SO_REUSEPORT) and end by themselves when this process is gone.

# From the order to stop until a worker is killed.
KILL_AFTER_S: Final = 10.0
FIRST_PAUSE_S: Final = 0.1
# The longest pause before a worker that keeps dying is restarted.
LONGEST_PAUSE_S: Final = 10.0
# Between two checks whether the sources changed.
LOOK_S: Final = 0.5
# A worker that lived for so long died for a new reason.
STABLE_S: Final = 10.0

_log = logging.getLogger(__name__)
_processes = multiprocessing.get_context("spawn")


class StartFailed(Exception):
    pass


@dataclass
class _Running:
    process: SpawnProcess
    pipe: Connection  # receives READY once
    started: float
    pause_s: float  # waited before the start
    is_serving: bool = False
    is_outdated: bool = False


class Supervisor:
    """Calls ``on_ready`` once the first worker serves.

    A change of ``sources`` restarts the workers; one that cannot start waits for the next change.
    """

    def __init__(
        self, workers: Iterable[Options], on_ready: Callable[[], None], sources: Sources | None = None
    ) -> None:
        self._on_ready = on_ready
        self._sources = sources
        self._running: dict[Options, _Running] = {}
        # Start time (monotonic) and the pause before it (s).
        self._due: dict[Options, tuple[float, float]] = dict.fromkeys(workers, (0.0, 0.0))
        self._is_ready = False
        self._is_stopping = False

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM. Raises ``StartFailed``."""
        woken = self._wake_when_signalled()
        try:
            while not self._is_stopping:
                self._start_due()
                self._react(wait([woken, *self._watched()], self._timeout_s()))
                if self._sources and self._sources.have_changed():
                    self._restart_all()
        finally:
            self._stop_all()

    def _wake_when_signalled(self) -> int:
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._order_to_stop)
        return woken

    def _order_to_stop(self, *_: Any) -> None:
        self._is_stopping = True

    def _start_due(self) -> None:
        now = time.monotonic()
        for options, (start_at, pause_s) in list(self._due.items()):
            if start_at <= now:
                del self._due[options]
                self._running[options] = _start(options, pause_s)

    def _watched(self) -> Iterable[Any]:
        for running in self._running.values():
            yield running.process.sentinel
            if not running.is_serving:
                yield running.pipe

    def _timeout_s(self) -> float | None:
        now = time.monotonic()
        waits = [max(0.0, start_at - now) for start_at, _ in self._due.values()]
        if self._sources:
            waits.append(LOOK_S)
        return min(waits, default=None)

    def _react(self, happened: list[Any]) -> None:
        for options, running in list(self._running.items()):
            if running.pipe in happened and _serves(running.pipe):
                running.is_serving = True
                self._tell_ready()
            if running.process.sentinel in happened:
                self._replace(options, self._running.pop(options))

    def _tell_ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._on_ready()

    def _replace(self, options: Options, ended: _Running) -> None:
        ended.process.join()
        ended.pipe.close()
        if self._is_stopping:
            return
        if ended.is_outdated:
            self._due[options] = (0.0, 0.0)
            return
        code = ended.process.exitcode
        if not self._is_ready:
            raise StartFailed(f"a worker ended with exit code {code} before it served; its log says why")
        if self._sources and not ended.is_serving:
            self._due[options] = (math.inf, 0.0)
            _log.error("worker %d could not start; trying again when the code changes", options.number)
            return
        lived_s = time.monotonic() - ended.started
        pause_s = FIRST_PAUSE_S if lived_s > STABLE_S else min(max(FIRST_PAUSE_S, 2 * ended.pause_s), LONGEST_PAUSE_S)
        self._due[options] = (time.monotonic() + pause_s, pause_s)
        _log.error("worker %d ended with exit code %s; restarting it in %.1f s", options.number, code, pause_s)

    def _restart_all(self) -> None:
        # Workers that wait because they died, too: the change may have fixed them.
        _log.info("the code changed; restarting the workers")
        for running in self._running.values():
            running.is_outdated = True
            running.process.terminate()
        self._due = dict.fromkeys(self._due, (0.0, 0.0))

    def _stop_all(self) -> None:
        for running in self._running.values():
            running.process.terminate()
        deadline = time.monotonic() + KILL_AFTER_S
        for options, running in self._running.items():
            running.process.join(max(0.0, deadline - time.monotonic()))
            if running.process.is_alive():
                _log.error("worker %d did not end within %.0f s and was killed", options.number, KILL_AFTER_S)
                running.process.kill()
                running.process.join()


def _start(options: Options, pause_s: float) -> _Running:
    pipe, theirs = _processes.Pipe(duplex=False)
    process = _processes.Process(target=worker.run, args=(options, theirs), name=f"worker-{options.number}")
    process.start()
    theirs.close()
    return _Running(process, pipe, time.monotonic(), pause_s)


def _serves(pipe: Connection) -> bool:
    try:
        return bool(pipe.recv() == READY)
    except EOFError:  # it has died; its sentinel reports that
        return False
