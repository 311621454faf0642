from typing import Any

from django.core.management.commands import flush

from enhancelog.management.reporting import CannotRun


class Command(flush.Command):
    help = "Refused: the log is never emptied."

    def handle(self, *args: Any, **options: Any) -> None:
        raise CannotRun("flush would delete the log, which is not allowed; to start again, use another database")
