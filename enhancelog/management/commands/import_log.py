import math
import sys
from contextlib import AbstractContextManager
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from enhancelog.backends import dialect, faults
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.periods import instant
from enhancelog.domain.times import now_ms
from enhancelog.management.database import Needs
from enhancelog.management.findings import ShownFindings
from enhancelog.management.reporting import CannotRun, ReportingCommand, counted, progress
from enhancelog.transfer.findings import FindingsFile
from enhancelog.transfer.importer import Counts, import_entries
from enhancelog.transfer.items import Unreadable
from enhancelog.transfer.optimizer_entries import Options
from enhancelog.transfer.optimizers import FORMATS
from enhancelog.transfer.sources import Source, open_source

_BELONGS_TO: Final = {"blueprint": tuple(FORMATS), "started": ("gepa",), "min": ("openevolve",)}


class Command(ReportingCommand):
    help = (
        "Import entries from an engine host's SQLite file, a JSON array or NDJSON, which are detected, or from another "
        "tool's log (--format). Safe to repeat: stored entries are not changed."
    )
    needs = Needs.CREATED

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("location", metavar="SOURCE", help="a file or folder, or - for standard input")
        parser.add_argument(
            "--source",
            metavar="NAME",
            help="the source recorded with every entry (default: import, or the format's name)",
        )
        parser.add_argument("--format", choices=list(FORMATS), help="the tool that wrote it; see docs/sources.md")
        parser.add_argument("--blueprint", metavar="ID", help="with --format: what is evolved")
        parser.add_argument("--started", metavar="TIME", help="with --format gepa, which writes no times")
        parser.add_argument(
            "--min",
            metavar="METRIC=VALUE",
            action="append",
            default=[],
            help="with --format openevolve: an axis that denies a program whose metric is below it",
        )

    def report(self, **options: Any) -> bool:
        source: str = (options["format"] or "import") if options["source"] is None else options["source"]
        try:
            records.check_id(source, "--source")
            opened = _opened(options)
        except Invalid as error:
            raise CannotRun(str(error)) from None
        counts = Counts()
        with FindingsFile(settings.DATA_DIR / "quarantine", source) as file:
            findings = ShownFindings(file, self.stderr)
            try:
                self._import(opened, Origin("command", "import_log", source), counts, findings)
            except Unreadable as error:
                raise CannotRun(" ".join(str(error).split())) from None
            finally:
                if counts.read or sys.exc_info()[0] is None:
                    self._conclude(counts, findings, file)
        return counts.findings > 0

    def _import(
        self, opened: AbstractContextManager[Source], origin: Origin, counts: Counts, findings: ShownFindings
    ) -> None:
        with (
            opened as items,
            progress(self.stderr, "Importing", items.total) as report,
        ):
            with faults():
                dialect().expect_many()
            import_entries(
                items,
                origin,
                counts=counts,
                on_finding=findings.add,
                on_batch=lambda counts: report(items.done, counted(counts.read, "entries")),
            )

    def _conclude(self, counts: Counts, findings: ShownFindings, file: FindingsFile) -> None:
        findings.say_how_many_more()
        self.stdout.write(str(counts))
        if file.path is not None:
            what = "What was not imported is" if counts.dropped else "Entries that were not imported are"
            self.stdout.write(f"{what} in {file.path}")


def _opened(options: dict[str, Any]) -> AbstractContextManager[Source]:
    location, name = options["location"], options["format"]
    for option, belongs_to in _BELONGS_TO.items():
        if options[option] and name not in belongs_to:
            raise Invalid(f"--{option}", "combination", f"belongs to --format {' or '.join(belongs_to)}")
    if name is None:
        return open_source(location, settings.MAX_ENTRY_BYTES, imported=True)
    if options["blueprint"] is None:
        raise Invalid("--blueprint", "missing", f"is missing; {name} does not say what it evolves")
    records.check_id(options["blueprint"], "--blueprint")
    started = options["started"]
    return FORMATS[name](
        location,
        Options(
            options["blueprint"],
            settings.MAX_ENTRY_BYTES,
            _thresholds(options["min"]),
            None if started is None else instant("--started", started, now_ms()),
        ),
    )


def _thresholds(texts: list[str]) -> dict[str, float]:
    found = {}
    for text in texts:
        metric, _, value = text.rpartition("=")
        found[metric] = _number(value)
        if not metric or not math.isfinite(found[metric]):
            raise Invalid("--min", "value", f'must be METRIC=VALUE, not "{text[:40]}"')
        records.check_id(metric, "--min")
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
