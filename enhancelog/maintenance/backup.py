"""Copies of a SQLite database that is in use: whole, consistent, private, and there only when complete."""

import errno
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection


def timestamp() -> str:
    """Now, as names of backups say it: sorts by time, to the microsecond."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")


def copy_sqlite(target: Path) -> None:
    """Copy the database to ``target`` with SQLite's online backup, mode 0600.

    Raises ``FileExistsError`` rather than overwrite, and ``OSError`` or Django's ``DatabaseError`` when it cannot;
    nothing is left behind then.
    """
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy_into(part)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # ours now, or somebody else's
        part.replace(target)
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _copy_into(part: Path) -> None:
    connection.ensure_connection()
    with connection.wrap_database_errors, closing(sqlite3.connect(part)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    _sync(part)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
