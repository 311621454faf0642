"""``restore FILE [--check]``. Exit codes: 0 restored, 1 restored with findings, 2 could not run."""

from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser

from enhancelog.maintenance import restore
from enhancelog.maintenance.restore import Restored
from enhancelog.maintenance.restored_evidence import Signed
from enhancelog.management.database import Needs, database_name
from enhancelog.management.reporting import ReportingCommand, counted, printable
from enhancelog.management.verifying import verify

INTERRUPTED: Final = (
    "SQLite has no database then, and PostgreSQL an empty or a whole one: if it is not empty, verify it with "
    "verify_log, or restore into another one."
)
CHECK_INTERRUPTED: Final = "The copy was not verified to its end; nothing was kept or changed."


class Command(ReportingCommand):
    help = "Restore a copy that backup made into an empty place and verify it; --check: beside the database."
    needs = Needs.NOTHING  # there must be none

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a copy by backup or serve; its manifest lies beside it")
        parser.add_argument("--check", action="store_true", help="restore beside the database, verify, and remove it")

    def report(self, **options: Any) -> bool:
        file: Path = options["file"].absolute()
        is_check: bool = options["check"]
        target = database_name()
        self.interrupted = CHECK_INTERRUPTED if is_check else INTERRUPTED
        with restore.restored(file, beside=is_check, say=self.stderr.write) as found:
            for line in [*_described(file, found), *_of_evidence(found.signed, is_check)]:
                self.stdout.write(printable(line))
            has_findings = verify(self.stdout, self.stderr) or bool(found.differs)
        done = "can be restored; nothing was kept or changed" if is_check else f"was restored to {target}"
        self.stdout.write(printable(f"{file} {done}{', but see the findings above' if has_findings else ''}"))
        return has_findings


def _described(file: Path, found: Restored) -> list[str]:
    if manifest := found.manifest:
        database = f"{manifest.database} {manifest.database_version}"
        made = f"made {manifest.made} by {manifest.made_by} of release {manifest.release} from {database}"
        first = f"{made}, as its manifest says; its SHA-256 is right"
    else:
        first = "has no manifest, so nobody can tell whether it is what was copied"
    extent = found.extent
    reaches = f"log to position {extent.log}, content to revision {extent.content}, audit to act {extent.audit}"
    lines = [f"{file.name}: {first}", reaches, *(f"{file.name}: {line}" for line in found.differs)]
    if found.upgraded_from:
        lines.append(f"upgraded from release {found.upgraded_from}")
    return lines


def _of_evidence(signed: Signed, is_check: bool) -> list[str]:
    if signed.checkpoint is None:
        return []
    size = counted(signed.checkpoint.size, "entries")
    lines = [f"its last checkpoint is of the log {signed.checkpoint.origin} with {size}"]
    if not is_check:
        lines.append(
            "whoever knows a later checkpoint will report that the log has shrunk or forked, which is right: tell them"
        )
        lines += [f"no checkpoint can be signed here: {signed.no_key}"] * bool(signed.no_key)
    return lines
