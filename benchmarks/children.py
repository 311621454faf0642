"""Child processes that never outlive their ``with`` block."""

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
    """A child process failed, and why."""


def product_environment(data_dir: Path, url: str, **more: str) -> dict[str, str]:
    """For our server and commands: none of the caller's settings, no throttle, public read."""
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
    """A process in its own group, so that we handle Ctrl-C. Standard error goes to ``log``."""
    with log.open("a") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=errors, text=True, start_new_session=True, **more
        )
    try:
        yield process
    finally:
        end(process)


def end(process: Process) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()


def module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", name, *map(str, arguments)]


def perform(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[Any], None] = lambda message: None,
) -> Any:
    """Run to the end; returns the last of its JSON lines. Raises ``Failed``."""
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
    return lines[-1][:300] if lines else "no reason was given"


class Replay:
    def __init__(self, process: Process, log: Path) -> None:
        self._process = process
        self._log = log
        if self._read() != "ready":
            raise Failed(f"the raw driver did not start: {last_line(log)}")

    def play(self, transactions: int) -> list[float]:
        """Seconds of each of the next transactions. Raises ``Failed``."""
        assert self._process.stdin
        self._process.stdin.write(f"{transactions}\n")
        self._process.stdin.flush()
        seconds: list[float] = json.loads(self._read())
        return seconds

    def end(self) -> dict[str, int]:
        """Row count per table."""
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
    command = module("benchmarks.replay", tape, database, *options)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, {**os.environ, **more}, log, **pipes) as process:
        yield Replay(process, log)
