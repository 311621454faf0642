from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import flush


class Command(flush.Command):
    help = "Refused: the log is never emptied."

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "flush would delete the log, which is never allowed; to start over, choose another database", returncode=2
        )
