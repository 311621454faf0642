from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from enhancelog.agents.parsers import add_filters
from enhancelog.backends import Row
from enhancelog.domain import filters, meta_filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import PARAMETERS, EntryFilter
from enhancelog.domain.times import now_ms
from enhancelog.evidence import exports
from enhancelog.management.reporting import (
    CannotRun,
    Report,
    ReportingCommand,
    counted,
    print_bytes,
    printable,
    progress,
)
from enhancelog.queries import evidence
from enhancelog.queries.entries import stream
from enhancelog.store.rows import ENTRIES_PER_READ
from enhancelog.transfer.formats import EXPORTS
from enhancelog.transfer.outputs import atomic_file


class Command(ReportingCommand):
    help = "Write entries to standard output or to a file, oldest first. Accepts every filter of the API."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=list(EXPORTS), help="default: ndjson")
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="write to FILE, which appears only when complete"
        )
        parser.add_argument("--order", choices=["asc", "desc"], help="by time (default: asc)")
        parser.add_argument(
            "--evidence",
            action="store_true",
            help="the whole log in the order of its positions, with salts and hashes, for enhancelog verify; its "
            "signed checkpoint is written beside FILE",
        )
        add_filters(parser)

    def report(self, **options: Any) -> bool:
        if options["evidence"]:
            self._export_evidence(options)
            return False
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
            written = EXPORTS[options["format"] or "ndjson"](_counted(wanted, options["order"] or "asc", report))
            if output is None:
                print_bytes(self.stdout, written)
            else:
                with atomic_file(output) as file:
                    file.writelines(written)
        return False

    def _export_evidence(self, options: Mapping[str, Any]) -> None:
        output = _output_of_evidence(options)
        stored = evidence.checkpoint()
        if stored is None:
            raise CannotRun("--evidence: no checkpoint was signed yet; a running server signs one within seconds")
        size = stored.checkpoint.size
        with (
            progress(self.stderr, "Exporting", size) as report,
            atomic_file(output.with_name(output.name + exports.ENDING)) as beside,
            atomic_file(output) as file,
        ):
            for done, line in enumerate(evidence.lines(stored.checkpoint), 1):
                file.write(line)
                if not done % ENTRIES_PER_READ:
                    report(done, counted(done, "entries"))
            beside.write(stored.note)
        self.stdout.write(
            f"wrote {counted(size, 'entries')} to {printable(str(output))}, and their checkpoint to "
            f"{printable(output.name + exports.ENDING)} beside it"
        )


def _output_of_evidence(options: Mapping[str, Any]) -> Path:
    other = ("format", "order", "meta", "not_meta", *PARAMETERS)
    if given := next((name for name in other if options[name]), None):
        raise CannotRun(f"--{given.replace('_', '-')}: cannot be used with --evidence, which is of the whole log")
    output: Path | None = options["output"]
    if output is None:
        raise CannotRun("--evidence: needs --output FILE, because a checkpoint is written beside it")
    if output.exists() and not output.is_file():
        raise CannotRun("--output: must be a regular file with --evidence, because a checkpoint is written beside it")
    return output


def _counted(wanted: EntryFilter, order: filters.Order, report: Report) -> Iterator[Sequence[Row]]:
    done = 0
    for rows in stream(wanted, order):
        yield rows
        done += len(rows)
        report(done, counted(done, "entries"))
