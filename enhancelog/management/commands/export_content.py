"""``export_content [--output FILE]``: the whole content store as a raw map, one JSON object of raw key to text."""

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from content import queries, raw
from content.kinds import Key
from enhancelog.management.reporting import Report, ReportingCommand, progress
from enhancelog.transfer.outputs import atomic_file


class Command(ReportingCommand):
    help = "Write all content as a raw map, one JSON object, to standard output or to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", metavar="FILE", type=Path, help="put there whole when done, or not at all")

    def report(self, **options: Any) -> bool:
        output: Path | None = options["output"]
        quiet = output is None and self.stdout.isatty()
        total = queries.count_items()
        shown = nullcontext(lambda done, note: None) if quiet else progress(self.stderr, "Exporting", total)
        with shown as report:
            written = raw.write(_counted(report))
            if output is None:
                self._print(written)
            else:
                with atomic_file(output) as file:
                    file.writelines(written)
        self.stderr.write(f"{total:,} keys")
        return False

    def _print(self, written: Iterator[bytes]) -> None:
        binary = getattr(self.stdout, "buffer", None)
        try:
            for part in written:
                if binary:
                    binary.write(part)
                else:
                    self.stdout.write(part.decode(), ending="")
            self.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again at its end
            raise CommandError("nobody reads standard output any more", returncode=2) from None


def _counted(report: Report) -> Iterator[list[tuple[Key, str]]]:
    done = 0
    for chunk in queries.all_items():
        yield chunk
        done += len(chunk)
        report(done, f"{done:,} keys")
