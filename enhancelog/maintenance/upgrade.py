"""Migrates the database atomically, with a backup."""

import fcntl
import glob
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate as django_migrate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from enhancelog.backends import dialect, schema
from enhancelog.backends.copies import BadCopy
from enhancelog.backends.schema import State
from enhancelog.domain.errors import StoreError, WrongSchema
from enhancelog.maintenance import backup, manifests

# Migrations, triggers and the schema record are one transaction. An existing SQLite database is copied first. A retry
# of a failed upgrade uses the same copy, and no copy is removed before an upgrade succeeds.

# Copies of successful upgrades.
KEEP: Final = 3

_UNFINISHED: Final = "-unfinished"
_EXTENT: Final = """
    SELECT (SELECT MAX(position) FROM enhancelog_entry), (SELECT MAX(id) FROM content_contentrevision)"""
_SCHEMA: Final = "SELECT fingerprint, migrations FROM enhancelog_schema"


class UpgradeFailed(StoreError):
    pass


def pending() -> list[str]:
    """Unapplied migrations in order, including Django's."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate(*, copies: bool = True) -> Path | None:
    """Apply pending migrations; returns the copy of the database before, if any. Raises ``WrongSchema`` or
    ``UpgradeFailed``. ``copies``: False for a database that was just restored from one.
    """
    found = schema.look()
    if found.state is State.AHEAD or (found.state is State.CURRENT and not pending()):
        return _settle() if copies else None
    return run(lambda: call_command(django_migrate.Command(), verbosity=0, interactive=False), copies=copies)


def run(migrations: Callable[[], object], *, copies: bool = True) -> Path | None:
    """Errors in Django's arguments stay ``CommandError``. Nothing is done to the database of a newer release."""
    found = schema.look()
    if found.state is State.AHEAD:
        return None
    if found.state in (State.NEWER, State.FOREIGN):
        raise WrongSchema(found.reason)
    copy = _copy(found.release) if copies and found.state is not State.EMPTY and _needs_upgrade(found) else None
    try:
        with dialect().migrating() as cursor:
            schema.begin(cursor)
            migrations()
    except CommandError:
        raise
    except Exception as error:
        raise UpgradeFailed(_failure(error, copy, found.release)) from error
    finished = _settle() if copies else None
    for old in _copies()[:-KEEP] if copy else []:
        old.unlink()
        manifests.beside(old).unlink(missing_ok=True)
    return finished


def _needs_upgrade(found: schema.Found) -> bool:
    return found.state is State.BEHIND or bool(pending())


def _failure(error: Exception, copy: Path | None, release: str) -> str:
    said = str(error).partition("\nLINE ")[0]  # PostgreSQL quotes the statement below that
    reason = " ".join(said.split()) or type(error).__name__
    if not release:
        return f"the database cannot be created: {reason}"
    kept = f" and was copied to {copy}" if copy else ""
    return f"the upgrade failed: {reason}; the database is unchanged{kept}; release {release} can still use it"


def _copy(release: str) -> Path | None:
    if connection.vendor != "sqlite":
        return None
    # An unfinished upgrade's copy is reused unless the old release has written since.
    for unfinished in reversed(_copies(_UNFINISHED)):
        if _has_equal(unfinished, _EXTENT):
            return unfinished
    name = f"before-upgrade-{backup.timestamp()}-from-{release}-of-{_database()}{_UNFINISHED}.sqlite3"
    copy = settings.DATA_DIR / "backups" / name
    try:
        backup.make(copy, "upgrade")
    except (OSError, sqlite3.Error, BadCopy) as error:
        reason = getattr(error, "strerror", None) or error
        raise UpgradeFailed(f"cannot copy the database to {copy}: {reason}; nothing was upgraded") from error
    return copy


def _has_equal(copy: Path, query: str) -> bool:
    """Whether it gives the same row as the database."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    try:
        with closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as opened:
            return bool(opened.execute(query).fetchone() == row)
    except sqlite3.Error:
        return False


def _copies(ending: str = "") -> list[Path]:
    if connection.vendor != "sqlite":  # one of SQLite may have had the same name
        return []
    name = glob.escape(f"-of-{_database()}{ending}.sqlite3")
    return sorted((settings.DATA_DIR / "backups").glob(f"before-upgrade-*{name}"))


def _database() -> str:
    return Path(connection.settings_dict["NAME"]).stem


def _settle() -> Path | None:
    """Of upgrades that have succeeded: not if this is still the database that was copied."""
    finished = None
    for copy in [each for each in _copies(_UNFINISHED) if not _has_equal(each, _SCHEMA)]:
        finished = copy.with_name(copy.name.replace(f"{_UNFINISHED}.sqlite3", ".sqlite3"))
        # An earlier release has written none, or a process was killed after this line.
        with suppress(FileNotFoundError):
            manifests.beside(copy).rename(manifests.beside(finished))
        copy.rename(finished)
    return finished


@contextmanager
def alone(say: Callable[[str], object] = lambda line: None) -> Iterator[None]:
    """One process at a time, on any host, prepares data folder and database; umask 077. The next finds it done."""
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
