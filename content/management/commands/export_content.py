"""``export_content [--output FILE]``"""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from content import queries, raw
from content.kinds import Key
from enhancelog.management.reporting import Report, ReportingCommand, print_bytes, progress
from enhancelog.transfer.outputs import atomic_file


class Command(ReportingCommand):
    help = "Write all content as a raw map, one JSON object, to standard output or to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="write to FILE, which appears only when complete"
        )

    def report(self, **options: Any) -> bool:
        output: Path | None = options["output"]
        quiet = output is None and self.stdout.isatty()
        total = queries.count_items()
        shown = nullcontext(lambda done, note: None) if quiet else progress(self.stderr, "Exporting", total)
        with shown as report:
            written = raw.write(_counted(report))
            if output is None:
                print_bytes(self.stdout, written)
            else:
                with atomic_file(output) as file:
                    file.writelines(written)
        self.stderr.write(f"{total:,} keys")
        return False


def _counted(report: Report) -> Iterator[list[tuple[Key, str]]]:
    done = 0
    for chunk in queries.all_items():
        yield chunk
        done += len(chunk)
        report(done, f"{done:,} keys")
