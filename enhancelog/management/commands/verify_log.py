"""Exit code 1 if there are findings."""

from typing import Any

from enhancelog.management.reporting import ReportingCommand, counted, listed, printable, progress
from enhancelog.queries.horizon import grouped
from enhancelog.store import host_derivation, touch_derivation
from enhancelog.store.verification import Part, parts


class Command(ReportingCommand):
    help = "Recompute every digest; check positions, versions, triggers, and the projections against the log."

    def report(self, **options: Any) -> bool:
        verified: list[str] = []
        findings = 0
        for part in parts():
            done, found = self._verify(part)
            findings += found
            if done or not verified:
                verified.append(counted(done, part.rows))
        last, up_to = grouped()
        if up_to < last:
            self.stdout.write(
                f"deny patterns are derived to position {up_to:,} of {last:,}, which is not an error: a running server "
                "or the next import derives the rest"
            )
        derived = host_derivation.progress()
        if derived is not None and not derived.is_done:
            self.stdout.write(
                f"entries are joined to hosts' patches up to position {derived.done.entries:,} of "
                f"{derived.last.entries:,} and patch {derived.done.patches:,} of {derived.last.patches:,}, which is not"
                " an error: a running server or the next import derives the rest"
            )
        if not touch_derivation.progress().is_done:
            self.stdout.write(
                "what patches touch is not derived to the end, which is not an error: a running server or the next "
                "import derives the rest"
            )
        said = counted(findings, "findings") if findings else "no problems found"
        self.stdout.write(f"verified {listed(verified)}: {said}")
        return findings > 0

    def _verify(self, part: Part) -> tuple[int, int]:
        done = findings = 0

        def heard(number: int) -> None:
            nonlocal done
            done = number
            report(number, counted(number, part.rows))

        with progress(self.stderr, "Verifying", part.total()) as report:
            for finding in part.findings(heard):
                findings += 1
                self.stdout.write(printable(finding))
        return done, findings
