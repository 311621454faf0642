"""Runs Django's commands and ours, for ``manage.py`` and, where the server is installed, for ``enhancelog``."""

# Errors that a user can fix are one line and exit code 2.

import os
import sys
from collections.abc import Sequence
from typing import Final

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, execute_from_command_line
from django.core.management.base import SystemCheckError
from django.db import DatabaseError

from enhancelog.agents.added_commands import CommandGroup
from enhancelog.domain.errors import StoreError

DONE, FAILED, INTERRUPTED = 0, 2, 130

_SERVE_OPTIONS: Final = {"--demo": "ENHANCELOG_DEMO", "--reload": "ENHANCELOG_RELOAD"}

# They write source code or documents into a clone, or run its tests.
_FOR_DEVELOPERS: Final = frozenset(
    {
        *("compilemessages", "makemessages", "makemigrations", "optimizemigration", "squashmigrations"),
        *("bench", "startapp", "startproject", "test", "testserver", "write_openapi"),
    }
)


def run(arguments: Sequence[str], program: str) -> int:
    if arguments[:1] == ["serve"]:  # the settings are read before any command is
        os.environ.update({name: "1" for option, name in _SERVE_OPTIONS.items() if option in arguments})
    try:
        _refuse_foreign_settings(os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enhancelog.settings"))
        django.setup()
        if _is_command(arguments):
            from enhancelog.management.database import prepare_for

            prepare_for(arguments[0], lambda line: print(line, file=sys.stderr, flush=True))
            # With --traceback Django leaves CommandError to us; otherwise it exits with 1, which means findings here.
            execute_from_command_line([program, arguments[0], "--traceback", *arguments[1:]])
        else:
            execute_from_command_line([program, *arguments])
    except SystemCheckError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except (CommandError, DatabaseError, ImproperlyConfigured, StoreError) as error:
        if "--traceback" in arguments:
            raise
        what = "database: " if isinstance(error, DatabaseError) else ""
        return _fail(program, what + (str(error).strip().splitlines() or [type(error).__name__])[0])
    except EOFError:
        return _fail(program, "standard input ended at a prompt; run this in a terminal")
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _refuse_foreign_settings(module: str) -> None:
    try:
        is_ours = hasattr(settings, "PROGRAM")
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        is_ours = False
    if not is_ours:
        raise ImproperlyConfigured(f"DJANGO_SETTINGS_MODULE: {module} is another program's; unset it")


def _is_command(arguments: Sequence[str]) -> bool:
    if not arguments or arguments[0].startswith("-") or arguments[0] == "help":
        return False
    return not {"-h", "--help"} & set(arguments)


def _fail(program: str, reason: str) -> int:
    sys.stderr.write(f"{program}: {reason}\n")
    return FAILED


def _run_installed(arguments: Sequence[str]) -> int:
    if sys.platform == "win32":
        return _fail("enhancelog", "the server needs Linux or macOS")
    if arguments[0] in _FOR_DEVELOPERS:
        return _fail("enhancelog", f"{arguments[0]} is for developers, in a clone: python3 manage.py {arguments[0]}")
    os.environ["DJANGO_SETTINGS_MODULE"] = "enhancelog.settings"  # not those of another project on this machine
    return run(arguments, program="enhancelog")


# The entry point of the installed server.
GROUP: Final = CommandGroup(
    title="server commands",
    shown={
        "serve": "Prepare everything, then serve pages and API; --demo shows recorded logs.",
        "migrate": "Create or upgrade the database.",
        "check": "Report problems of this installation; --deploy: also of its settings.",
        "create_token": "Create an API token.",
        "createsuperuser": "Add an administrator.",
        "changepassword": "Set a user's password.",
        "axes_reset": "Lift all lockouts of sign-in.",
        "backup": "Copy the database while it is in use.",
        "restore": "Restore a copy and verify it; --check: beside the database.",
        "verify_log": "Verify the whole database.",
        "evidence_key": "Show or change the keys that sign the log's evidence.",
        "redact": "Take a secret's text out of an entry, a document or content.",
        "rebuild_projections": "Derive all projections from the log again.",
        "import_log": "Import entries: an engine host's log, JSON, NDJSON, other tools' logs.",
        "export_log": "Export entries.",
        "import_host": "Import what an engine host keeps besides its log.",
        "follow_log": "Follow a running engine host.",
        "sources": "List the sources of entries, and rename or merge them.",
        "import_content": "Import content from JSON.",
        "export_content": "Export content as JSON.",
        "import_triage": "Import states, notes, reviews and rules.",
        "export_triage": "Export states, notes, reviews and rules.",
    },
    run=_run_installed,
)
