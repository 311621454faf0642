"""Base of our commands. Exit codes: 0 done, 1 done with findings, 2 could not run, 130 interrupted."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import Error as DatabaseError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from enhancelog.backends import waiting
from enhancelog.domain.errors import StoreError
from enhancelog.management.database import Needs, prepare

PLAIN_LINE_EVERY_S: Final = 5.0

# Gets the amount done and a short note.
Report = Callable[[int, str], None]


class CannotRun(CommandError):
    """Ends a command with one line and exit code 2."""

    def __init__(self, line: str) -> None:
        super().__init__(line, returncode=2)


class ReportingCommand(BaseCommand):
    """The base of our own commands. ``report`` returns whether there were findings.

    It waits for locks without limit. A fault of the database or disk is ``CannotRun``.
    """

    needs: ClassVar[Needs] = Needs.CURRENT
    # What an interruption leaves, and what to do.
    interrupted: str = "What was committed is kept; run the command again to continue."
    requires_system_checks = ()  # they check pages and settings that no such command needs

    def report(self, **options: Any) -> bool:
        """Returns whether there were findings."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with waiting.without_limit(self.stderr.write):
                prepare(self.needs, self.stderr.write)
                found = self.report(**options)
        except (StoreError, DatabaseError, OSError) as error:
            raise CannotRun(_one_line(error)) from error
        except KeyboardInterrupt:
            self.stderr.write(f"Interrupted. {self.interrupted}")
            sys.exit(130)
        if found:
            sys.exit(1)


def _one_line(error: Exception) -> str:
    text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Escape unprintable characters, which a terminal could obey."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(number: int, nouns: str) -> str:
    """``1 row``, ``2 rows``."""
    if number == 1:
        for many, one in (("ies", "y"), ("ches", "ch"), ("s", "")):
            if nouns.endswith(many):
                return f"1 {nouns.removesuffix(many)}{one}"
    return f"{number:,} {nouns}"


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), *parts[-1:]] if len(parts) > 1 else parts)


def print_bytes(stdout: OutputWrapper, parts: Iterable[bytes]) -> None:
    """Write to standard output, as text if it takes no bytes."""
    binary = getattr(stdout, "buffer", None)
    try:
        for part in parts:
            if binary:
                binary.write(part)
            else:
                stdout.write(part.decode(), ending="")
        stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again at its end
        raise CannotRun("standard output was closed") from None


@contextmanager
def progress(stderr: OutputWrapper, label: str, total: int | None) -> Iterator[Report]:
    """A bar on a terminal, else an occasional line."""
    if stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=total, note="")
            yield lambda done, note: bar.update(task, completed=done, note=note)
        return
    yield _plain_lines(stderr, label, total)


def _plain_lines(stderr: OutputWrapper, label: str, total: int | None) -> Report:
    last = time.monotonic()

    def report(done: int, note: str) -> None:
        nonlocal last
        if time.monotonic() - last < PLAIN_LINE_EVERY_S:
            return
        last = time.monotonic()
        share = f" {100 * done // total}%" if total else ""
        stderr.write(f"{label}{share}: {note}")

    return report
