from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import flush


class Command(flush.Command):
    help = "Refused: the log is never emptied."

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "flush would delete the log, which nothing may; to begin anew, choose another database", returncode=2
        )
