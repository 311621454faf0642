import shlex
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import Error, connection

from enhancelog.maintenance import backup
from enhancelog.management.database import Needs, prepare
from enhancelog.management.reporting import CannotRun, ReportingCommand


class Command(ReportingCommand):
    help = "Copy the SQLite database to FILE (mode 0600) while it is in use; for PostgreSQL, print the pg_dump command."
    needs = Needs.NOTHING  # to print a line

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="default: backups/<UTC>.sqlite3 in the data folder")

    def report(self, **options: Any) -> bool:
        file: Path | None = options["file"]
        target = (file or settings.DATA_DIR / "backups" / f"{backup.timestamp()}.sqlite3").absolute()
        if connection.vendor == "postgresql":
            self.stdout.write(pg_dump_line(target.with_suffix(".dump") if file is None else target))
            return False
        prepare(Needs.ANY, self.stderr.write)
        try:
            backup.copy_sqlite(target)
        except (OSError, Error) as error:
            reason = getattr(error, "strerror", None) or error
            if target.exists():
                reason = "it already exists; choose another name"
            raise CannotRun(f"cannot write {target}: {reason}") from None
        self.stdout.write(str(target))
        return False


def pg_dump_line(target: Path) -> str:
    """The command that backs this database up; pg_dump asks for the password or finds it in ~/.pgpass."""
    database = connection.settings_dict
    given = {"--host": "HOST", "--port": "PORT", "--username": "USER"}
    options = [f"{option}={database[key]}" for option, key in given.items() if database.get(key)]
    return shlex.join(["pg_dump", "--format=custom", f"--file={target}", *options, str(database["NAME"])])
