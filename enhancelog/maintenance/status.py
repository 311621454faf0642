"""The state of an installation, gathered so that whatever fails costs only its own part."""

import platform
import sqlite3
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar

import django
from django.conf import settings
from django.db import Error, connection
from msgspec.structs import replace

from enhancelog import __version__, backends, patterns
from enhancelog.alerts import progress
from enhancelog.backends import dialect, schema
from enhancelog.backends.schema import State
from enhancelog.domain import badges
from enhancelog.domain.errors import StoreError
from enhancelog.domain.installation import SEVERITIES, Database, Disk, Failures, Problem, Status, Worker
from enhancelog.domain.times import now_ms
from enhancelog.maintenance import (
    database_problems,
    disk_use,
    evidence_status,
    integrity,
    problems,
    replica_status,
    scheduled_backups,
)
from enhancelog.observing import metrics
from enhancelog.queries import status as queried
from enhancelog.queries import witnesses

_KINDS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

Found = TypeVar("Found")


def look() -> Status:
    """Asks the database a fixed number of statements; none of them scans a table or waits for long."""
    try:
        schema_found = schema.look()
        broken = integrity.problems()
        if schema_found.state is State.EMPTY:  # to connect would create the file of SQLite
            return _with_problems(_basis(_known()), broken)
        found = _database(schema_found)
    except (Error, StoreError, OSError) as error:
        return without_database(error)
    at = _try(queried.positions)
    status = replace(
        _basis(found),
        positions=at,
        derivations=None if at is None else _try(lambda: queried.derivations(at, progress.derivations(now_ms()))),
        queue=_try(lambda: queried.queue(now_ms())),
        replica=replica_status.look(at),
        backups=scheduled_backups.look(_try(scheduled_backups.unable) or ""),
        evidence=None if at is None else _try(lambda: evidence_status.look(at.log)),
        witnesses=_try(witnesses.states) or [],
    )
    return _with_problems(status, broken)


def without_database(error: BaseException) -> Status:
    """All that can be said without it. Never asks it."""
    reason = " ".join(str(error).split())[:500] or type(error).__name__
    status = replace(_basis(replace(_known(), error=reason)), replica=replica_status.look(None))
    return _with_problems(status, [database_problems.without_database(reason, status.replica)])


def _known() -> Database:
    return Database(_KINDS[connection.vendor], backends.address_of(connection.settings_dict))


def _database(found: schema.Found) -> Database:
    with dialect().glance() as cursor:
        return replace(dialect().facts(cursor), migrated_by=found.release, write_from=found.write_from)


def _basis(database: Database) -> Status:
    workers = [Worker(*each) for each in metrics.workers()]
    return Status(
        problems=[],
        database=database,
        positions=None,
        derivations=None,
        queue=None,
        disk=_disk([worker.pid for worker in workers]),
        versions=_versions(),
        workers=workers,
        failures=[Failures(*each) for each in metrics.failures()],
        settings=settings.SETTINGS_IN_FORCE,
        checked_ms=now_ms(),
        backups=scheduled_backups.look(""),
    )


def _disk(workers: list[int]) -> Disk | None:
    is_file = connection.vendor == "sqlite"
    database = Path(connection.settings_dict["NAME"]) if is_file else settings.DATA_DIR / "enhancelog.sqlite3"
    try:
        return disk_use.look(settings.DATA_DIR, database, workers)
    except OSError:
        return None


def _versions() -> dict[str, str]:
    return {
        "Enhancelog": __version__,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "granian": version("granian"),
        **_driver(),
        "Rules of deny patterns": str(patterns.RULES_VERSION),
        "Rules of badges": str(badges.RULES_VERSION),
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _driver() -> dict[str, str]:
    if connection.vendor == "sqlite":
        return {"SQLite library": sqlite3.sqlite_version}
    import psycopg

    number = psycopg.pq.version()
    return {"psycopg": psycopg.__version__, "libpq": f"{number // 10_000}.{number % 10_000}"}


def _try(ask: Callable[[], Found]) -> Found | None:
    try:
        return ask()
    except (Error, StoreError):
        return None  # a lock of a migration, or a schema that lacks the table; integrity says which


def _with_problems(status: Status, broken: list[Problem]) -> Status:
    found = sorted([*broken, *problems.found_in(status)], key=lambda problem: SEVERITIES.index(problem.severity))
    return replace(status, problems=found)
