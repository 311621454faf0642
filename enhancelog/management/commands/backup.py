import shlex
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import Error

from enhancelog.backends import dialect
from enhancelog.backends.copies import BadCopy
from enhancelog.maintenance import backup
from enhancelog.management.database import Needs, prepare
from enhancelog.management.reporting import CannotRun, ReportingCommand, printable


class Command(ReportingCommand):
    help = "Copy the database to FILE (mode 0600) while it is in use, with a manifest; PostgreSQL: by pg_dump."
    needs = Needs.NOTHING  # it says how to copy by hand before it asks for a database of ours
    interrupted = "No copy was made."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="default: in backups/ of the data folder")

    def report(self, **options: Any) -> bool:
        copies = dialect().copies
        file: Path | None = options["file"]
        target = (file or settings.DATA_DIR / "backups" / f"{backup.timestamp()}{copies.ending}").absolute()
        if reason := copies.unable():
            raise CannotRun(f"{reason}, or run this where they are: {copies.by_hand(target)}")
        if file is not None:
            _require_folder(target.parent)
        prepare(Needs.ANY, self.stderr.write)
        try:
            backup.make(target, "backup")
        except (OSError, Error, BadCopy) as error:
            reason = getattr(error, "strerror", None) or str(error)
            if target.exists():
                reason = "it already exists; choose another name"
            raise CannotRun(printable(f"cannot write {target}: {reason}")) from None
        backup.note_copy(settings.DATA_DIR, target)
        self.stdout.write(printable(str(target)))
        return False


# A disk that is not mounted would otherwise be taken for a new folder on the root disk.
def _require_folder(folder: Path) -> None:
    if not folder.exists() and folder != settings.DATA_DIR.absolute() / "backups":
        how = f"mount its disk, or run: mkdir -p {shlex.quote(str(folder))}"
        raise CannotRun(f"cannot write to {folder}: there is no such folder; {how}")
