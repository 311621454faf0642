"""Bringing the database to this release's schema, with a way back.

An existing SQLite database is copied before migrations change it; the last few copies are kept. A database that a
newer release has migrated is left alone.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from enhancelog import backup
from enhancelog.backends import dialect

KEEP = 3
OURS = ("enhancelog", "content")


class NewerDatabase(Exception):
    """A later release has been here; this one does not know the tables."""


def pending() -> list[str]:
    """The migrations that are yet to be applied, in order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unknown() -> list[str]:
    """Applied migrations of ours that this release does not have."""
    loader = MigrationLoader(connection)
    replaced = {key for migration in loader.replacements.values() for key in migration.replaces}
    strange = set(loader.applied_migrations) - set(loader.disk_migrations) - replaced
    return sorted(f"{app}.{name}" for app, name in strange if app in OURS)


def migrate() -> Path | None:
    """Apply what is pending. The copy that was made first, if one was. Raises ``NewerDatabase``."""
    if strange := unknown():
        raise NewerDatabase(
            f"the database is from a newer release (it has {strange[-1]}); install that release or restore a backup"
        )
    if not pending():
        return None
    copy = _copy_first()
    call_command("migrate", verbosity=0, interactive=False)
    return copy


def _copy_first() -> Path | None:
    if connection.vendor != "sqlite" or not connection.introspection.table_names():
        return None
    folder = settings.DATA_DIR / "backups"
    copy = folder / f"before-upgrade-{backup.timestamp()}.sqlite3"
    backup.copy_sqlite(copy)
    for old in sorted(folder.glob("before-upgrade-*.sqlite3"))[:-KEEP]:
        old.unlink()
    return copy


@contextmanager
def alone() -> Iterator[None]:
    """One start at a time prepares data folder and database, on any host; the next waits and finds it done."""
    with open(settings.DATA_DIR / "serve.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with dialect().starting():
            yield
