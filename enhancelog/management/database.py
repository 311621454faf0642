"""What a command needs of the database, checked before it runs."""

import enum
from collections.abc import Callable
from typing import Final

from django.core.management import get_commands

from enhancelog.backends import schema
from enhancelog.backends.schema import State
from enhancelog.domain.errors import WrongSchema
from enhancelog.maintenance import upgrade

Say = Callable[[str], object]


class Needs(enum.Enum):
    """What a command needs. None of them works on the database of a newer release."""

    NOTHING = enum.auto()
    """It uses no database, or looks at it by itself."""
    ANY = enum.auto()
    """A database, also one that must be upgraded first."""
    CURRENT = enum.auto()
    """A database of this release."""
    CREATED = enum.auto()
    """The same; it is created where there is none."""


OURS: Final = schema.APPS
"""The apps whose commands say by themselves what they need."""

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
"""Commands of Django's that touch none of the tables. Any other one needs a current database."""

CREATES: Final = frozenset({"createsuperuser", "runserver"})


def prepare(needs: Needs, say: Say) -> None:
    """Raises ``WrongSchema`` with one line that says what to do, or what creating a database raises."""
    if needs is Needs.NOTHING:
        return
    found = schema.look()
    if found.state is State.EMPTY and needs is Needs.CREATED:
        with upgrade.alone(say):
            upgrade.migrate()
        found = schema.look()
    if found.state is State.CURRENT:
        return
    if needs is Needs.ANY and found.state in (State.BEHIND, State.FOREIGN):
        return
    raise WrongSchema(found.reason)


def prepare_for(command: str, say: Say) -> None:
    """The same for a command that is not ours."""
    if get_commands().get(command, OURS[0]) in OURS or command in FREE:
        return
    prepare(Needs.CREATED if command in CREATES else Needs.CURRENT, say)
