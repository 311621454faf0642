"""``import_triage FILE``"""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from msgspec import structs

from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.strict_json import BOM
from enhancelog.domain.triage_files import MAX_FILE_BYTES, TriageImported
from enhancelog.management.database import Needs
from enhancelog.management.reporting import CannotRun, ReportingCommand, counted, printable
from enhancelog.transfer import triage_import

KINDS = ("states", "notes", "reviews", "views", "alerts")


class Command(ReportingCommand):
    help = "Import what export_triage wrote: all or nothing, and safe to repeat. Alerts are off until switched on."
    needs = Needs.CREATED

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("location", metavar="FILE", help="a file, or - for standard input")

    def report(self, **options: Any) -> bool:
        location: str = options["location"]
        try:
            found = triage_import.bring_in(_read(location), Origin("command", "import_triage", "import"))
        except Invalid as error:
            raise CannotRun(printable(f"{location}: {error}")) from None
        return self._conclude(found)

    def _conclude(self, found: TriageImported) -> bool:
        for each in found.skipped:
            self.stderr.write(printable(f"{each.place}: skipped, because {each.why}"))
        if found.unknown_users:
            self.stderr.write(
                printable(f"No users here, so only their names are kept: {', '.join(found.unknown_users)}")
            )
        if found.unknown_templates:
            templates = counted(found.unknown_templates, "templates")
            self.stderr.write(f"{templates} not in this log: their states are kept until it has them")
        skipped = 0
        for kind in KINDS:
            numbers = structs.asdict(getattr(found, kind))
            skipped += numbers["skipped"]
            said = ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number)
            self.stdout.write(f"{kind}: {said or 'none'}")
        return skipped > 0


def _read(location: str) -> bytes:
    with sys.stdin.buffer if location == "-" else Path(location).open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise CannotRun(f"{location} is larger than {MAX_FILE_BYTES >> 20} MiB")
    return data.removeprefix(BOM)
