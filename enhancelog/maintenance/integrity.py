"""Whether the database is what this release needs: what readiness, ``check`` and the operator's page have in common."""

from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections

from enhancelog import __version__
from enhancelog.backends import dialect, schema
from enhancelog.backends.schema import State
from enhancelog.domain.errors import WrongSchema
from enhancelog.domain.installation import Problem
from enhancelog.maintenance import upgrade

# ``migrate`` runs the system checks first and would stop at what it repairs.
REPAIR: Final = f"Run: {settings.PROGRAM} migrate --skip-checks"

# Databases found fully migrated; this process's code gets no further migrations.
_migrated: Final[set[str]] = set()


def problems() -> list[Problem]:
    """Errors, each with its fix, and at most one note. Raises the database's errors."""
    if DEFAULT_DB_ALIAS not in _migrated:
        found = schema.look()
        if found.reason:
            return [_schema(found.reason)]
        if upgrade.pending():
            return [_schema("Migrations are not applied")]
        _migrated.add(DEFAULT_DB_ALIAS)
    try:
        with connection.cursor() as cursor:
            schema.require(cursor)
    except WrongSchema as error:
        return [_schema(str(error))]
    return [*missing_triggers(), *missing_search(), *_newer_release()]


def _newer_release() -> list[Problem]:
    found = schema.last_seen()
    if found is None or found.state is not State.AHEAD:
        return []
    text = f"Release {found.release} has upgraded the database. This one, {__version__}, may go on with it."
    fix = "Install the newer release here, too, when that suits."
    return [Problem("newer-release", "note", text, fix, "operations.md#several-servers-one-after-the-other")]


def missing_triggers(using: str = DEFAULT_DB_ALIAS) -> list[Problem]:
    with connections[using].cursor() as cursor:
        names = dialect(using).missing_triggers(cursor)
    text = "The trigger {} is missing or altered, so its table's rows are not safe from changes."
    return [Problem("triggers", "error", text.format(name), REPAIR, "operations.md#verifying") for name in names]


def missing_search(using: str = DEFAULT_DB_ALIAS) -> list[Problem]:
    with connections[using].cursor() as cursor:
        names = dialect(using).search.missing(cursor)
    text = "{} is missing, so nothing can be searched or appended."
    return [Problem("search-index", "error", text.format(name), REPAIR, "operations.md#verifying") for name in names]


def _schema(reason: str) -> Problem:
    what, _, to_do = reason.partition("; ")
    fix = to_do or f"Run: {settings.PROGRAM} migrate"
    return Problem("schema", "error", f"{_sentence(what)}.", f"{_sentence(fix)}.", "operations.md#upgrading")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
