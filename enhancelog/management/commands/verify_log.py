"""``verify_log``: a line for everything that is wrong with the log or its projections, exit code 1 if anything is."""

from typing import Any

from enhancelog.management.reporting import ReportingCommand, progress
from enhancelog.queries.horizon import grouped
from enhancelog.store.database import last_position
from enhancelog.store.verification import verify


class Command(ReportingCommand):
    help = "Recompute every digest; check positions, triggers, and the projections against the log."

    def report(self, **options: Any) -> bool:
        done = findings = 0

        def heard(number: int) -> None:
            nonlocal done
            done = number
            report(number, f"{number:,} entries")

        with progress(self.stderr, "Verifying", last_position()) as report:
            for finding in verify(heard):
                findings += 1
                self.stdout.write(finding)
        last, up_to = grouped()
        if up_to < last:
            self.stdout.write(
                f"deny patterns are derived to position {up_to:,} of {last:,}, which is no fault: a running server "
                "or the next import derives the rest"
            )
        self.stdout.write(f"verified {done:,} entries: {f'{findings:,} findings' if findings else 'all is well'}")
        return findings > 0
