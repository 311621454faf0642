from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from enhancelog.backends import Row
from enhancelog.domain import filters, meta_filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import PARAMETERS, EntryFilter
from enhancelog.domain.times import now_ms
from enhancelog.management.reporting import CannotRun, Report, ReportingCommand, counted, print_bytes, progress
from enhancelog.queries.entries import stream
from enhancelog.transfer.formats import EXPORTS
from enhancelog.transfer.outputs import atomic_file


class Command(ReportingCommand):
    help = "Write entries to standard output or to a file, oldest first. Accepts every filter of the API."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=list(EXPORTS), default="ndjson", help="default: %(default)s")
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="write to FILE, which appears only when complete"
        )
        parser.add_argument("--order", choices=["asc", "desc"], default="asc", help="by time (default: %(default)s)")
        chosen = parser.add_argument_group(
            "filters", "Repeat a filter to match any of its values; a repeated --axis must match all."
        )
        for name in PARAMETERS:
            chosen.add_argument(f"--{name.replace('_', '-')}", metavar="VALUE", action="append", default=[])
        for option in ("--meta", "--not-meta"):
            chosen.add_argument(option, metavar="KEY=VALUE", action="append", default=[])

    def report(self, **options: Any) -> bool:
        try:
            pairs = [(name, value) for name in PARAMETERS for value in options[name]]
            pairs += meta_filters.from_options(options["meta"], "meta")
            pairs += meta_filters.from_options(options["not_meta"], "not-meta")
            wanted = filters.from_pairs(pairs, now_ms())
        except Invalid as error:
            raise CannotRun(f"--{error}") from None
        output: Path | None = options["output"]
        quiet = output is None and self.stdout.isatty()
        shown = nullcontext(lambda done, note: None) if quiet else progress(self.stderr, "Exporting", None)
        with shown as report:
            written = EXPORTS[options["format"]](_counted(wanted, options["order"], report))
            if output is None:
                print_bytes(self.stdout, written)
            else:
                with atomic_file(output) as file:
                    file.writelines(written)
        return False


def _counted(wanted: EntryFilter, order: filters.Order, report: Report) -> Iterator[Sequence[Row]]:
    done = 0
    for rows in stream(wanted, order):
        yield rows
        done += len(rows)
        report(done, counted(done, "entries"))
