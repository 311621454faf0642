"""``sources``, ``sources --rename OLD NEW --why TEXT``"""

from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.management.reporting import CannotRun, ReportingCommand, counted, listed, printable, progress
from enhancelog.projections import source_names
from enhancelog.queries import sources as queries
from enhancelog.queries.sources import Recorded, Shown
from enhancelog.store import host_derivation, sources
from enhancelog.store.database import last_position
from enhancelog.store.sources import MergeNeeded, Rename

_OPTIONS: Final = {"old": "--rename OLD", "new": "--rename NEW", "source": "--restore", "why": "--why"}


class Command(ReportingCommand):
    help = (
        "List the sources of entries, or change the name under which one is shown. Entries keep what was recorded; "
        "each change is in the audit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        change = parser.add_mutually_exclusive_group()
        change.add_argument("--rename", nargs=2, metavar=("OLD", "NEW"), help="show the source OLD as NEW from now on")
        change.add_argument(
            "--restore", metavar="SOURCE", help="show SOURCE under the name under which it was recorded"
        )
        parser.add_argument("--why", default="", metavar="TEXT", help="why the name changes; required")
        parser.add_argument("--merge", action="store_true", help="allow the name of another source: both are one then")

    def report(self, **options: Any) -> bool:
        if options["rename"] is None and options["restore"] is None:
            if options["why"] or options["merge"]:
                raise CommandError("--why and --merge need --rename or --restore", returncode=2)
            self._list()
            return False
        try:
            self._change(Origin("command", "sources", "command"), **options)
        except MergeNeeded as error:
            raise CannotRun(printable(f"{_said(error)}: add --merge")) from None
        except Invalid as error:
            raise CannotRun(printable(_said(error))) from None
        self._derive()
        return False

    def _list(self) -> None:
        found = queries.listing()
        for shown in found.names:
            self.stdout.write(printable(f"{shown.name}: {_counts(shown)}"))
            if shown.is_renamed:
                for each in shown.recorded:
                    self.stdout.write(printable(f"  recorded as {each.source}: {_counts(each)}"))
        if found.left_out:
            self.stdout.write(f"{counted(found.left_out, 'more names')}")
        if not found.names:
            self.stdout.write("no entry is recorded yet")

    def _change(
        self, origin: Origin, *, rename: list[str] | None, restore: str, why: str, merge: bool, **_: Any
    ) -> None:
        if rename is None:
            sources.restore(restore, why, origin, merges=merge)
            self.stdout.write(printable(f"{restore} is shown under its own name again"))
            return
        renamed = sources.rename(Rename(rename[0], rename[1], why, merge), origin)
        self.stdout.write(
            printable(f"{listed(renamed)} {'is' if len(renamed) == 1 else 'are'} shown as {rename[1]} now")
        )

    def _derive(self) -> None:
        source_names.forget()
        with progress(self.stderr, "Deriving", None) as report:
            steps = 0
            while host_derivation.step():
                steps += 1
                report(steps, counted(steps, "steps"))
        self.stdout.write(f"all of {counted(last_position(), 'entries')} follow the names")


def _counts(of: Shown | Recorded) -> str:
    if of.first_ms is None or of.last_ms is None:
        return counted(of.entries, "entries")
    first, last = (datetime.fromtimestamp(ts_ms / 1000, UTC).date() for ts_ms in (of.first_ms, of.last_ms))
    return f"{counted(of.entries, 'entries')}, {first} to {last}"


def _said(error: Invalid) -> str:
    return f"{_OPTIONS.get(error.field, error.field)}: {error.detail}"
