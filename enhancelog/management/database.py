"""What a command requires of the database, checked before it runs."""

import enum
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.core.management import get_commands
from django.db import connection

from enhancelog.backends import schema
from enhancelog.backends.schema import State
from enhancelog.domain.errors import WrongSchema
from enhancelog.maintenance import upgrade

Say = Callable[[str], object]


class Needs(enum.Enum):
    """None accepts the database of a newer release, unless that allows this one."""

    # Uses no database, or inspects it itself.
    NOTHING = enum.auto()
    # May be outdated.
    ANY = enum.auto()
    # Of this release.
    CURRENT = enum.auto()
    # Of this release; created if missing.
    CREATED = enum.auto()


# Apps whose commands declare their own needs.
OURS: Final = schema.APPS

# Django commands that touch no tables. Any other needs a current database.
FREE: Final = frozenset(
    [
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "makemessages",
        "makemigrations",
        "optimizemigration",
        "sendtestemail",
        "showmigrations",
        "sqlflush",
        "sqlmigrate",
        "sqlsequencereset",
        "squashmigrations",
        "startapp",
        "startproject",
    ]
)

CREATES: Final = frozenset({"createsuperuser", "runserver"})


def prepare(needs: Needs, say: Say) -> None:
    """Raises ``WrongSchema``, or the errors of creating a database."""
    if needs is Needs.NOTHING:
        return
    found = schema.look()
    if found.state is State.EMPTY and needs is Needs.CREATED:
        with upgrade.alone(say):
            upgrade.migrate()
        found = schema.look()
    if found.state in (State.CURRENT, State.AHEAD):
        return
    if needs is Needs.ANY and found.state in (State.BEHIND, State.FOREIGN):
        return
    raise WrongSchema(found.reason)


def database_name() -> str:
    """The file of SQLite, the database and the host of PostgreSQL; never a password."""
    name = connection.settings_dict["NAME"]
    host = connection.settings_dict.get("HOST")
    return f"{name} on {urlsplit('//' + host).hostname or host}" if host else str(name)


def prepare_for(command: str, say: Say) -> None:
    """``prepare`` for a command that is not ours."""
    if get_commands().get(command, OURS[0]) in OURS or command in FREE:
        return
    prepare(Needs.CREATED if command in CREATES else Needs.CURRENT, say)
