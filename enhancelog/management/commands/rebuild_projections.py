"""Blocks appends; readers see the old projections meanwhile."""

from typing import Any

from enhancelog.management.reporting import ReportingCommand, progress
from enhancelog.store.database import analyze, last_position, rebuild_projections


class Command(ReportingCommand):
    help = "Derive all projections from the log again: denials, tallies, badges, summaries."

    def report(self, **options: Any) -> bool:
        with progress(self.stderr, "Rebuilding", last_position()) as report:
            done = rebuild_projections(lambda done: report(done, f"{done:,} entries"))
        analyze()
        self.stdout.write(f"rebuilt from {done:,} entries")
        return False
