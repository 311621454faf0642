"""``check``: what is wrong with this installation, each problem with its fix."""

# Exit codes: 0 nothing, 1 problems, 2 could not run.

from typing import Any, Final

import msgspec
from django.conf import settings
from django.core.checks import WARNING, CheckMessage, run_checks
from django.core.management.base import CommandParser
from django.db import DEFAULT_DB_ALIAS
from msgspec.structs import replace

from enhancelog.domain.installation import SEVERITIES, Problem, Severity
from enhancelog.maintenance import status
from enhancelog.management.database import Needs
from enhancelog.management.reporting import ReportingCommand, printable

# Django's checks that are among ours under another name.
SAME: Final = frozenset({"enhancelog.E001", "enhancelog.E002", "enhancelog.E003", "enhancelog.W001"})


# What Django says of an address that is not https, in settings that nobody can set here.
OF_HTTP: Final = frozenset({"security.W004", "security.W008", "security.W012", "security.W016"})
HTTP: Final = "http-address"


class Command(ReportingCommand):
    help = "Check settings, database, disk and background work; print each problem with its fix."
    needs = Needs.NOTHING  # the lack of a database is one of the problems

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--deploy", action="store_true", help="also check what only a public server needs")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="json: the whole status")
        # Django's command checks no database without it.
        parser.add_argument("--database", action="append", choices=[DEFAULT_DB_ALIAS], help="has no effect")

    def report(self, **options: Any) -> bool:
        found = status.look()
        of_django = [
            _problem(each)
            for each in run_checks(include_deployment_checks=options["deploy"])
            if each.id not in SAME and not each.is_silenced()
        ]
        if any(each.code in OF_HTTP for each in of_django):
            of_django = [_of_http(), *(each for each in of_django if each.code not in OF_HTTP)]
        problems = sorted([*found.problems, *of_django], key=lambda each: SEVERITIES.index(each.severity))
        if options["format"] == "json":
            self.stdout.write(msgspec.json.encode(replace(found, problems=problems)).decode())
        else:
            for problem in problems:
                self.stdout.write("\n".join(_lines(problem)))
            if not problems:
                self.stdout.write("No problems found.")
        return any(problem.severity != "note" for problem in problems)


def _lines(problem: Problem) -> list[str]:
    see = f"See docs/{problem.see}" if problem.see else ""
    return [f"{problem.severity}: {printable(problem.text)}", *(f"    {line}" for line in (problem.fix, see) if line)]


def _of_http() -> Problem:
    text = f"ENHANCELOG_URL is {settings.PUBLIC_URL}. A public server needs https: secure cookies, HSTS and redirects."
    fix = "Let a proxy terminate TLS, and set ENHANCELOG_URL to its https:// address."
    return Problem(HTTP, "warning", text, fix, "operations.md#behind-a-proxy")


def _problem(message: CheckMessage) -> Problem:
    severity: Severity = "error" if message.is_serious() else "warning" if message.level >= WARNING else "note"
    return Problem(str(message.id), severity, str(message.msg), str(message.hint or ""), "")
