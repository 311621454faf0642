"""Appends go on meanwhile, and readers see no half-made projections."""

from typing import Any

from enhancelog.domain.errors import DamagedEvidence
from enhancelog.management.reporting import ReportingCommand, counted, listed, progress
from enhancelog.store import evidence, host_derivation, theme_derivation
from enhancelog.store.database import analyze, last_position
from enhancelog.store.rebuilding import PASSES, rebuild_projections


class Command(ReportingCommand):
    help = (
        "Derive again what follows from the log and from hosts' stores: denials, tallies, badges, summaries, patterns, "
        "search, the entry of each patch, unfinished runs, touched places, themes, the tree of the evidence. Appends "
        "go on meanwhile. What is right already is only read, so an interrupted run can simply be started again."
    )

    def report(self, **options: Any) -> bool:
        last = last_position()
        with progress(self.stderr, "Rebuilding", PASSES * last) as report:
            done = rebuild_projections(lambda done: report(done, f"{counted(done, 'entries')}, each {PASSES} times"))
        analyze()
        derived = [
            counted(number, what)
            for what, number in (host_derivation.counts() | theme_derivation.counts()).items()
            if number
        ]
        self.stdout.write(f"rebuilt from {counted(done, 'entries')}" + (f": {listed(derived)}" if derived else ""))
        return not self._rebuild_tree()

    # Last, because all else follows from the log as it is, whatever was signed.
    def _rebuild_tree(self) -> bool:
        try:
            size = evidence.rebuild()
        except DamagedEvidence as error:
            self.stdout.write(str(error))
            return False
        if size:
            self.stdout.write(f"rebuilt the tree of {counted(size, 'signed entries')}")
        return True
