import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.management.database import Needs
from enhancelog.management.findings import ShownFindings
from enhancelog.management.reporting import CannotRun, ReportingCommand, counted, progress
from enhancelog.transfer.findings import FindingsFile
from enhancelog.transfer.importer import Counts, import_entries
from enhancelog.transfer.items import Unreadable
from enhancelog.transfer.sources import open_source


class Command(ReportingCommand):
    help = (
        "Import entries from an engine host's SQLite file, a JSON array or NDJSON; the format is detected. "
        "Safe to repeat: stored entries are not changed."
    )
    needs = Needs.CREATED

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("location", metavar="SOURCE", help="a file, or - for standard input")
        parser.add_argument(
            "--source",
            metavar="NAME",
            default="import",
            help="the source recorded with every entry (default: %(default)s)",
        )

    def report(self, **options: Any) -> bool:
        source: str = options["source"]
        try:
            records.check_id(source, "--source")
        except Invalid as error:
            raise CannotRun(str(error)) from None
        counts = Counts()
        with FindingsFile(settings.DATA_DIR / "quarantine", source) as file:
            findings = ShownFindings(file, self.stderr)
            try:
                self._import(options["location"], Origin("command", "import_log", source), counts, findings)
            except Unreadable as error:
                raise CannotRun(" ".join(str(error).split())) from None
            finally:
                if counts.read or sys.exc_info()[0] is None:
                    self._conclude(counts, findings, file)
        return counts.findings > 0

    def _import(self, location: str, origin: Origin, counts: Counts, findings: ShownFindings) -> None:
        with (
            open_source(location, settings.MAX_ENTRY_BYTES, imported=True) as items,
            progress(self.stderr, "Importing", items.total) as report,
        ):
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
