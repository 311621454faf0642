"""Brings the database to this release's schema, all of it or nothing, with a way back.

Migrations, triggers and the record of the schema are one transaction. An existing SQLite database is copied first. As
long as the upgrade does not succeed, that copy is the only one: another try makes none and removes none.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate as django_migrate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from enhancelog import backup
from enhancelog.backends import dialect, schema
from enhancelog.backends.schema import State
from enhancelog.errors import StoreError, WrongSchema

KEEP: Final = 3
"""Copies of successful upgrades that are kept."""

_COPIES: Final = "before-upgrade-*.sqlite3"
_UNFINISHED: Final = "-unfinished"


class UpgradeFailed(StoreError):
    """A migration failed; the database is as it was."""


def pending() -> list[str]:
    """The migrations, Django's included, that are yet to be applied, in order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate() -> Path | None:
    """Apply what is pending. Returns the copy of the database before, if one was made.

    Raises ``WrongSchema`` or ``UpgradeFailed``.
    """
    if schema.look().state is State.CURRENT and not pending():
        _finish()
        return None
    return run(lambda: call_command(django_migrate.Command(), verbosity=0, interactive=False))


def run(migrations: Callable[[], object]) -> Path | None:
    """Call Django's ``migrate``, guarded as ``migrate()`` is. An error of its arguments stays ``CommandError``."""
    found = schema.look()
    if found.state in (State.NEWER, State.FOREIGN):
        raise WrongSchema(found.reason)
    copy = _copy(found.release) if found.state is not State.EMPTY and _needs_upgrade(found) else None
    try:
        with dialect().migrating() as cursor:
            schema.begin(cursor)
            migrations()
    except CommandError:
        raise
    except Exception as error:
        raise UpgradeFailed(_failure(error, copy, found.release)) from error
    return _finish() if copy else None


def _needs_upgrade(found: schema.Found) -> bool:
    return found.state is State.BEHIND or bool(pending())


def _failure(error: Exception, copy: Path | None, release: str) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if not release:
        return f"the database cannot be created: {reason}"
    kept = f" and was copied to {copy}" if copy else ""
    return f"the upgrade failed: {reason}; the database is as it was{kept}: release {release} can go on with it"


def _copy(release: str) -> Path | None:
    """A copy of the SQLite database, which names the release it comes from; that of an unfinished upgrade stands."""
    if connection.vendor != "sqlite":
        return None
    folder = settings.DATA_DIR / "backups"
    if unfinished := sorted(folder.glob(f"before-upgrade-*{_UNFINISHED}.sqlite3")):
        return unfinished[-1]
    copy = folder / f"before-upgrade-{backup.timestamp()}-from-{release}{_UNFINISHED}.sqlite3"
    backup.copy_sqlite(copy)
    return copy


def _finish() -> Path | None:
    """The database is this release's: the copy of the upgrade is an ordinary one, and the oldest copies go."""
    folder = settings.DATA_DIR / "backups"
    finished = None
    for copy in sorted(folder.glob(f"before-upgrade-*{_UNFINISHED}.sqlite3")):
        finished = copy.rename(copy.with_name(copy.name.replace(f"{_UNFINISHED}.sqlite3", ".sqlite3")))
    for old in sorted(folder.glob(_COPIES))[:-KEEP]:
        old.unlink()
    return finished


@contextmanager
def alone(say: Callable[[str], object] = lambda line: None) -> Iterator[None]:
    """One process at a time prepares data folder and database, on any host; the next waits and finds it done. What it
    creates, others cannot read."""
    umask = os.umask(0o077)
    try:
        with open(settings.DATA_DIR / "serve.lock", "w") as file:
            _lock(file, say)
            with dialect().starting():
                yield
    finally:
        os.umask(umask)


def _lock(file: IO[str], say: Callable[[str], object]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting for another process that prepares the database …")
        fcntl.flock(file, fcntl.LOCK_EX)
