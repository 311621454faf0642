"""Exit code 1 if there are findings."""

from typing import Any

from enhancelog.management.reporting import ReportingCommand
from enhancelog.management.verifying import verify


class Command(ReportingCommand):
    help = "Recompute every digest; check positions, versions, triggers, and the projections against the log."

    def report(self, **options: Any) -> bool:
        return verify(self.stdout, self.stderr)
