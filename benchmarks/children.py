"""Processes that the benchmark starts. Whatever happens, they are gone when their ``with`` block is."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.processes import ROOT, environment

STOP_S: Final = 15

Process = subprocess.Popen[str]


class Failed(Exception):
    """A process of the benchmark did not do its work; says why in a line."""


def product_environment(data_dir: Path, url: str, **more: str) -> dict[str, str]:
    """For our server and commands: nothing of the caller's settings, no throttle, reading is open."""
    return environment(
        data_dir,
        DATABASE_URL=url,
        DJANGO_SETTINGS_MODULE="enhancelog.settings",
        ENHANCELOG_PUBLIC_READ="true",
        ENHANCELOG_THROTTLE_APPEND="off",
        ENHANCELOG_THROTTLE_BULK="off",
        **more,
    )


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path, **more: Any) -> Iterator[Process]:
    """A process in a group of its own, so that Ctrl-C is ours to deal with. Its standard error goes to ``log``."""
    with log.open("a") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=errors, text=True, start_new_session=True, **more
        )
    try:
        yield process
    finally:
        end(process)


def end(process: Process) -> None:
    """Politely, then not."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs a module with this Python."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def perform(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[Any], None] = lambda message: None,
) -> Any:
    """Run to its end; every line it prints is JSON, the last one is returned. Raises ``Failed``."""
    message = None
    with running(command, environment, log, stdout=subprocess.PIPE) as process:
        assert process.stdout
        for line in process.stdout:
            message = json.loads(line)
            on_line(message)
        if process.wait():
            raise Failed(f"{' '.join(command[2:4])} failed; see {log}: {last_line(log)}")
    return message


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it did not say why"


class Replay:
    """A tape being played, some transactions at a time."""

    def __init__(self, process: Process, log: Path) -> None:
        self._process = process
        self._log = log
        if self._read() != "ready":
            raise Failed(f"the raw driver did not start: {last_line(log)}")

    def play(self, transactions: int) -> list[float]:
        """The seconds that each of the next ones took. Raises ``Failed``."""
        assert self._process.stdin
        self._process.stdin.write(f"{transactions}\n")
        self._process.stdin.flush()
        seconds: list[float] = json.loads(self._read())
        return seconds

    def end(self) -> dict[str, int]:
        """How many rows each table has now."""
        assert self._process.stdin
        self._process.stdin.close()
        rows: dict[str, int] = json.loads(self._read())
        return rows

    def _read(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the raw driver ended: {last_line(self._log)}")
        return line.strip()


@contextmanager
def replaying(tape: Path, database: str, log: Path, *options: str, **more: str) -> Iterator[Replay]:
    """The raw driver with a tape in hand."""
    command = module("benchmarks.replay", tape, database, *options)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, {**os.environ, **more}, log, **pipes) as process:
        yield Replay(process, log)
