"""``export_triage [--output FILE]``"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from enhancelog.management.reporting import ReportingCommand, print_bytes
from enhancelog.transfer import triage_file
from enhancelog.transfer.outputs import atomic_file


class Command(ReportingCommand):
    help = "Write states, notes, reviews, saved views and alerts as one JSON file, without secrets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="write to FILE, which appears only when complete"
        )

    def report(self, **options: Any) -> bool:
        output: Path | None = options["output"]
        if output is None:
            print_bytes(self.stdout, triage_file.written())
            return False
        with atomic_file(output) as file:
            file.writelines(triage_file.written())
        return False
