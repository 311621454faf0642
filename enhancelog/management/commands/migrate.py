"""Django's ``migrate`` in one transaction, after a copy of a SQLite database."""

from typing import Any

from django.core.management.commands import migrate

from enhancelog.backends import schema, waiting
from enhancelog.backends.schema import State
from enhancelog.domain.errors import StoreError
from enhancelog.maintenance import upgrade
from enhancelog.management.reporting import CannotRun


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        try:
            with waiting.without_limit(self.stderr.write), upgrade.alone(self.stderr.write):
                copy = upgrade.run(lambda: super(Command, self).handle(*args, **options))
                found = schema.look()
        except StoreError as error:
            raise CannotRun(str(error)) from error
        if found.state is State.AHEAD:
            self.stdout.write(f"Release {found.release} has upgraded the database; this one may go on with it")
        if copy:
            self.stdout.write(f"The previous database is kept as {copy}")
